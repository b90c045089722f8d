// Cuts lists into pages. A cursor is an opaque text that holds the place where a page ended.
import { z } from 'zod';
import { Problem } from '#libs/api/problem.ts';

const cursorKey = z.array(z.string().max(1000)).max(8);

/** Every number with so few digits is a version that Postgres can compare. */
export const versionDigitsMax = 9;

/** The answer to a cursor that `parseCursor` does not know. */
export const badCursor = new Problem('bad-request', 'query.after: not a cursor');

/** Reads the key of the last item; undefined = from the start, null = not one of ours. */
export function parseCursor(text: string | undefined, parts: number): readonly string[] | undefined | null {
  if (text === undefined) return undefined;
  try {
    const key = cursorKey.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
    return key.length === parts && !key.some((part) => part.includes('\0')) ? key : null;
  } catch {
    return null;
  }
}

/** Reads a cursor whose key is one whole number; undefined = from the start, null = not one of ours. */
export function parseNumberCursor(text: string | undefined, digitsMax: number): string | undefined | null {
  const key = parseCursor(text, 1);
  if (key === undefined || key === null) return key;
  const [number = ''] = key;
  return number.length <= digitsMax && /^\d+$/.test(number) ? number : null;
}

/** Makes a page of rows that were read with one more than the limit. */
export function toPage<R, T>(
  rows: readonly R[],
  limit: number,
  toItem: (row: R) => T,
  keyOf: (row: R) => readonly string[],
): { items: T[]; next: string | null } {
  const { shown, next } = cutPage(rows, limit, keyOf);
  return { items: shown.map(toItem), next };
}

/** Does the same for rows that become items together. */
export function cutPage<R>(
  rows: readonly R[],
  limit: number,
  keyOf: (row: R) => readonly string[],
): { readonly shown: readonly R[]; readonly next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  return { shown, next: rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null };
}

/** Writes the key of the last item as a cursor. */
export function encodeCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}
