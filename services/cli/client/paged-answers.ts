// Reads answers that the API gives in pages, to their end.
import type { z } from 'zod';
import { pageOf } from '#libs/api/models.ts';
import type { FleetClient } from './fleet-client.ts';

interface Page {
  /** What to give as `after` to read on; null = that was all. */
  readonly next: string | null;
}

/** Reads all pages of an answer, each checked by the schema. */
export async function readPages<P extends Page>(
  client: FleetClient,
  path: string,
  schema: z.ZodType<P>,
): Promise<readonly [P, ...P[]]> {
  const separator = path.includes('?') ? '&' : '?';
  let last: P = await client.get(path, schema);
  const pages: [P, ...P[]] = [last];
  while (last.next !== null) {
    last = await client.get(`${path}${separator}after=${encodeURIComponent(last.next)}`, schema);
    pages.push(last);
  }
  return pages;
}

/** Reads every item of a paged list. */
export async function readAll<T>(client: FleetClient, path: string, item: z.ZodType<T>): Promise<readonly T[]> {
  const pages = await readPages(client, path, pageOf(item));
  return pages.flatMap(({ items }) => items);
}
