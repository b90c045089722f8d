// Reads and writes the small JSON files by which processes of one machine find each other.
import { readFileSync, writeFileSync } from 'node:fs';
import type { z } from 'zod';

/** Reads a record; undefined where there is none, where it is being written, and where it has another form. */
export function readRecord<S extends z.ZodType>(path: string, schema: S): z.output<S> | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}

const againMs = 1000;

/**
 * Writes a record. Where that fails, as on a full disk, it is tried again until the function that it gives is called:
 * what is recorded runs on meanwhile.
 */
export function writeRecord(path: string, record: object): () => void {
  const again: NodeJS.Timeout[] = [];
  const write = (): void => {
    try {
      writeFileSync(path, `${JSON.stringify(record)}\n`);
    } catch {
      again[0] = setTimeout(write, againMs).unref();
    }
  };
  write();
  return () => clearTimeout(again[0]);
}
