// Reads a file of audit events (JSON Lines) as it grows: through its rotation, and on from where it was left, as far as
// a file beside it remembers. What is read again after a stop in between is harmless: an event told twice is one.
import { open, readFile, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { z } from 'zod';
import { messageOf } from '#libs/runtime/errors.ts';
import { pause } from '#libs/runtime/pause.ts';

interface AuditFileOptions {
  readonly path: string;
  /** Where the place is remembered; undefined = it begins with what comes. */
  readonly placeFile: string | undefined;
  readonly onEvents: (events: readonly unknown[]) => void;
  /** Counts lines that are no JSON. */
  readonly onMalformed: () => void;
  /** Takes a sentence, or null once it is well. */
  readonly onProblem: (sentence: string | null) => void;
  readonly pollMs?: number;
}

const place = z.object({ ino: z.number(), offset: z.number() });
type Place = z.infer<typeof place>;

const pollMsDefault = 500;
const chunkBytes = 1024 * 1024;
/** A line that is longer is no event that the API server writes. */
const lineBytesMax = 16 * 1024 * 1024;

/** Reads until it is stopped; returns what stops it. */
export function followAuditFile(options: AuditFileOptions): () => Promise<void> {
  const abort = new AbortController();
  const done = follow(options, abort.signal);
  return async () => {
    abort.abort();
    await done;
  };
}

async function follow(options: AuditFileOptions, signal: AbortSignal): Promise<void> {
  const { path, placeFile, pollMs = pollMsDefault } = options;
  let at = await readPlace(placeFile);
  while (!signal.aborted) {
    try {
      at = await readOn(options, at, signal);
      options.onProblem(null);
    } catch (error) {
      options.onProblem(`the audit file ${path} cannot be read: ${messageOf(error)}`);
    }
    await pause(pollMs, signal);
  }
}

/** Reads what was added, of a rotated file its rest first; gives where it ends. */
async function readOn(options: AuditFileOptions, at: Place | undefined, signal: AbortSignal): Promise<Place> {
  const { path } = options;
  const { ino, size } = await stat(path);
  if (at === undefined) {
    const end = { ino, offset: size };
    await keepPlace(options.placeFile, end);
    return end;
  }
  let from = at.offset;
  if (at.ino !== ino) {
    await readRotated(options, at, signal);
    from = 0;
  } else if (size < at.offset) {
    // Cut in place: what it holds now is new.
    from = 0;
  }
  if (at.ino === ino && size === at.offset) return at;
  const offset = await readFrom(path, from, options, signal);
  const now = { ino, offset };
  if (now.offset !== at.offset || now.ino !== at.ino) await keepPlace(options.placeFile, now);
  return now;
}

/** The API server renames the file with the time in its name; logrotate with a number. */
async function readRotated(options: AuditFileOptions, at: Place, signal: AbortSignal): Promise<void> {
  const folder = dirname(options.path);
  const stem = basename(options.path, extname(options.path));
  for (const name of await readdir(folder)) {
    if (!name.startsWith(stem)) continue;
    const file = join(folder, name);
    const found = await stat(file).catch(() => undefined);
    if (found?.ino === at.ino && found.size > at.offset) await readFrom(file, at.offset, options, signal);
  }
}

/** Hands on whole lines from a place on; gives the place behind the last. */
async function readFrom(path: string, from: number, options: AuditFileOptions, signal: AbortSignal): Promise<number> {
  await using file = await open(path);
  let offset = from;
  let rest = Buffer.alloc(0);
  while (!signal.aborted) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(chunkBytes), 0, chunkBytes, offset + rest.length);
    if (bytesRead === 0) return offset;
    const bytes = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    const end = bytes.lastIndexOf(0x0a) + 1;
    if (end > 0) options.onEvents(eventsOf(bytes.subarray(0, end).toString('utf8'), options.onMalformed));
    rest = bytes.subarray(end);
    offset += end;
    if (rest.length > lineBytesMax) {
      offset += rest.length;
      rest = Buffer.alloc(0);
      options.onMalformed();
    }
  }
  return offset;
}

function eventsOf(text: string, onMalformed: () => void): readonly unknown[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line): readonly unknown[] => {
      try {
        return [JSON.parse(line)];
      } catch {
        onMalformed();
        return [];
      }
    });
}

async function readPlace(file: string | undefined): Promise<Place | undefined> {
  if (file === undefined) return undefined;
  try {
    return place.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch {
    return undefined;
  }
}

async function keepPlace(file: string | undefined, at: Place): Promise<void> {
  if (file === undefined) return;
  await writeFile(`${file}.part`, JSON.stringify(at));
  await rename(`${file}.part`, file);
}
