// Writes JSON text that Postgres' jsonb takes: it refuses NUL and lone surrogates, which a user's manifest may hold.

const refused = /\\u(0000|d[89a-f])/i;

/** Writes the JSON of a value, with U+FFFD in place of characters that jsonb refuses. */
export function jsonbText(value: unknown): string {
  const text = JSON.stringify(value);
  if (!refused.test(text)) return text;
  return JSON.stringify(value, (_key, field: unknown) =>
    typeof field === 'string' ? field.toWellFormed().replaceAll('\0', '\uFFFD') : field,
  );
}
