// Reads the small JSON files by which processes of one machine find each other.
import { readFileSync } from 'node:fs';
import type { z } from 'zod';

/** Reads a record; undefined where there is none, where it is being written, and where it has another form. */
export function readRecord<S extends z.ZodType>(path: string, schema: S): z.output<S> | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    return undefined;
  }
}
