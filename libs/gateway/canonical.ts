// Writes canonical JSON: object keys are sorted by code unit, there is no white space, and `undefined` fields are left
// out. Equal values have equal bytes (RFC 8785, for our value range).
import { createHash } from 'node:crypto';
import { isRecord } from '#libs/gateway/fields/record.ts';

/** Gives the canonical JSON text of a plain JSON value. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map((item) => canonicalJson(item === undefined ? null : item)).join(',')}]`;
  }
  if (!isRecord(value)) return JSON.stringify(value);
  let text = '{';
  for (const key of Object.keys(value).toSorted()) {
    const field = value[key];
    if (field === undefined) continue;
    text += `${text.length > 1 ? ',' : ''}${JSON.stringify(key)}:${canonicalJson(field)}`;
  }
  return `${text}}`;
}

/** Gives the lower-case hex SHA-256 of a text's UTF-8 bytes. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
