// Runs a real nats-server as a child: JetStream on files, each message synced before it is acknowledged, with a
// password, on 127.0.0.1 unless told otherwise. It comes back by itself on the same port after a crash.
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { resolveBinary } from '#libs/runtime/binaries/resolve-binary.ts';
import { type Child, startChild, withDeathSignal } from '#libs/runtime/process/child.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { pause } from '#libs/runtime/pause.ts';
import { type ServerFolder, openServerFolder } from '#libs/runtime/process/server-folder.ts';

export interface EmbeddedNats {
  /** With user and password. */
  readonly url: string;
  readonly port: number;
  /** Undefined between a crash and the restart. */
  readonly pid: number | undefined;
  /** Ends the server in order; it comes back as after a crash. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

interface EmbeddedNatsOptions {
  readonly dataDir: string;
  /** Address to listen on, for agents elsewhere; 127.0.0.1 unless given. */
  readonly host?: string;
  readonly port?: number;
  readonly log: Logger;
  readonly onProgress?: (line: string) => void;
}

const user = 'fleetgate';
const readyWithinMs = 30_000;
const tries = 3;

/**
 * Starts it and waits until it answers. Throws FleetgateError 'nats-start', 'data-in-use', 'port-in-use',
 * 'binary-missing'.
 */
export async function startNats(options: EmbeddedNatsOptions): Promise<EmbeddedNats> {
  const command = await resolveBinary('nats-server', options);
  const folder = await openServerFolder(options.dataDir, 'nats', 'SIGTERM');
  try {
    for (let attempt = 1; ; attempt++) {
      const server = await launch(command, folder, options);
      if (server !== undefined) return server;
      if (attempt === tries)
        throw fail('nats-start', (await folder.logTail()) || `no answer within ${readyWithinMs} ms`);
    }
  } catch (error) {
    await folder.release();
    throw error;
  }
}

/** Starts one server; resolves to undefined when it ended or gave no answer. */
async function launch(
  command: string,
  folder: ServerFolder,
  options: EmbeddedNatsOptions,
): Promise<EmbeddedNats | undefined> {
  const host = options.host ?? '127.0.0.1';
  const port = await folder.port(options.port);
  const configFile = join(options.dataDir, 'nats.conf');
  const store = join(options.dataDir, 'store');
  await mkdir(store, { recursive: true, mode: 0o700 });
  await writeFile(configFile, serverConfig(`${host}:${port}`, folder.password, store), { mode: 0o600 });
  const [program, args] = await withDeathSignal('SIGTERM', command, ['-c', configFile]);
  const early = new AbortController();
  const child = startChild({
    name: 'nats-server',
    command: program,
    args,
    log: options.log,
    logFile: folder.logFile,
    restart: { minMs: 20, maxMs: 2000 },
    onStart: (pid) => void folder.recordServer(pid).catch(() => undefined),
    onExit: () => early.abort(),
  });
  if (!(await answers(host, port, child, early.signal))) {
    await child.stop();
    return undefined;
  }
  return {
    url: `nats://${user}:${folder.password}@${host}:${port}`,
    port,
    get pid() {
      return child.pid;
    },
    restart: () => child.restart(),
    async stop() {
      await child.stop();
      await folder.release();
    },
  };
}

function serverConfig(listen: string, password: string, store: string): string {
  return `# Written at each start.
server_name: fleetgate
listen: "${listen}"
max_payload: 8MB
authorization { user: ${user}, password: "${password}" }
jetstream {
  store_dir: ${JSON.stringify(store)}
  sync_interval: always
  max_memory_store: 64MB
  max_file_store: 4GB
}
`;
}

async function answers(host: string, port: number, child: Child, ended: AbortSignal): Promise<boolean> {
  const giveUpAt = performance.now() + readyWithinMs;
  while (performance.now() < giveUpAt && !ended.aborted) {
    if (child.pid !== undefined && (await greets(host, port))) return true;
    await pause(5, ended);
  }
  return false;
}

/** Tells whether a NATS server with JetStream greets: the first line is INFO and JSON. */
function greets(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host, timeout: 1000 });
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\r\n')) done(text.startsWith('INFO ') && text.includes('"jetstream":true'));
    });
    socket.on('error', () => done(false));
    socket.on('timeout', () => done(false));
    socket.on('close', () => done(false));
  });
}
