// Turns what Envoy says into log lines of the node. Envoy writes to a file, because it outlives the node; the file is
// cut when it is long.
import { type FileHandle, open } from 'node:fs/promises';
import type { Logger } from '#libs/runtime/log.ts';

/** Envoy's --log-format: one JSON object per line. */
export const envoyLogFormat = '{"level":"%l","logger":"%n","msg":"%j"}';

const pollMs = 500;
const readBytesMax = 256 * 1024;
const fileBytesMax = 8 * 1024 * 1024;
const lineLengthMax = 4000;

export interface EnvoyLogTail {
  /** Reads what is left, then stops. */
  stop(): Promise<void>;
}

/** Follows the file from its end; only what is written from now on becomes log lines. */
export async function followEnvoyLog(path: string, log: Logger): Promise<EnvoyLogTail> {
  const file = await open(path, 'a+', 0o600);
  const tail = { file, offset: (await file.stat()).size, rest: '' };
  let reading = Promise.resolve();
  const read = (): void => {
    reading = reading
      .then(() => readOn(tail, log))
      .catch((error: unknown) => log.warn({ err: error }, 'the log of Envoy cannot be read'));
  };
  const timer = setInterval(read, pollMs);
  timer.unref();
  return {
    async stop() {
      clearInterval(timer);
      read();
      await reading;
      await file.close();
    },
  };
}

async function readOn(tail: { readonly file: FileHandle; offset: number; rest: string }, log: Logger): Promise<void> {
  const { size } = await tail.file.stat();
  if (size < tail.offset) tail.offset = 0;
  if (size === tail.offset) return;
  const { buffer, bytesRead } = await tail.file.read(Buffer.alloc(readBytesMax), 0, readBytesMax, tail.offset);
  tail.offset += bytesRead;
  const lines = (tail.rest + buffer.toString('utf8', 0, bytesRead)).split('\n');
  tail.rest = (lines.pop() ?? '').slice(0, lineLengthMax);
  for (const line of lines) if (line !== '') logLine(line.slice(0, lineLengthMax), log);
  if (tail.offset > fileBytesMax) {
    // Envoy appends: after the cut it goes on at the start.
    await tail.file.truncate(0);
    tail.offset = 0;
  }
}

function logLine(line: string, log: Logger): void {
  const { level, logger, msg } = parseLine(line);
  const text = `Envoy: ${msg}`;
  if (level === 'warning') log.warn({ logger }, text);
  else if (level === 'error' || level === 'critical') log.error({ logger }, text);
  else if (level === 'debug' || level === 'trace') log.debug({ logger }, text);
  else log.info({ logger }, text);
}

function parseLine(line: string): { readonly level: string; readonly logger: string; readonly msg: string } {
  try {
    const fields: unknown = JSON.parse(line);
    const text = (name: string): string => {
      const value: unknown = typeof fields === 'object' && fields !== null ? Reflect.get(fields, name) : undefined;
      return typeof value === 'string' ? value : '';
    };
    return { level: text('level'), logger: text('logger'), msg: text('msg') };
  } catch {
    return { level: 'info', logger: '', msg: line };
  }
}
