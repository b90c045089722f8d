// Parameters that several routes take, and cursors: opaque texts that hold the place where a page ended.
import { z } from 'zod';
import { toPlaceKey } from '#libs/gateway/object-key.ts';

const label = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a DNS label: lower-case letters, digits and -, at most 63');
const name = z
  .string()
  .max(253)
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a DNS name in lower case');

export const clusterName = label;
export const namespaceName = label;
export const objectName = name;
export const versionNumber = z.coerce.number<string>().int().min(1).max(2_147_483_647);
export const sequenceNumber = z.string().regex(/^\d{1,18}$/, 'must be a sequence number');
export const cursor = z.string().max(2000).optional().describe('`next` of the page before.');
/** Postgres refuses NUL in text. */
export const plainText = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\0]*$/, 'must be text');
export const search = plainText.optional();
export const yesOrNo = z.enum(['true', 'false']).optional();

/** Page size. */
export const limit = (max = 500) => z.coerce.number<string>().int().min(1).max(max).default(Math.min(100, max));

export const gatewayPath = z.object({ cluster: clusterName, namespace: namespaceName, name: objectName });

/** `cluster/namespace/name` of a path. */
export function idOf(path: z.output<typeof gatewayPath>): string {
  return toPlaceKey(path);
}

/** A cursor from the key of the last item. */
export function encodeCursor(key: readonly string[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url');
}

const cursorKey = z.array(z.string().max(1000)).max(8);

/** The key of the last item; undefined = from the start, null = not one of ours. */
export function parseCursor(text: string | undefined, parts: number): readonly string[] | undefined | null {
  if (text === undefined) return undefined;
  try {
    const key = cursorKey.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
    return key.length === parts && !key.some((part) => part.includes('\0')) ? key : null;
  } catch {
    return null;
  }
}

/** A page of rows that were read with one more than the limit. */
export function toPage<R, T>(
  rows: readonly R[],
  limit: number,
  toItem: (row: R) => T,
  keyOf: (row: R) => readonly string[],
): { items: T[]; next: string | null } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next = rows.length > limit && last !== undefined ? encodeCursor(keyOf(last)) : null;
  return { items: shown.map(toItem), next };
}

/** Text for ILIKE that finds it anywhere. */
export function likePattern(text: string): string {
  return `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
}
