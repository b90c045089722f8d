// Puts the conditions of a read together.
import { sql } from 'kysely';

/** Joins conditions by `and`; those that are no SQL were not asked for. */
export function all(conditions: readonly (ReturnType<typeof sql> | string | false | undefined)[]) {
  const given = conditions.filter((condition) => typeof condition === 'object');
  return given.length === 0 ? sql`true` : sql.join(given, sql` and `);
}

/** Makes a pattern for ILIKE that finds the text anywhere; undefined where there is no text. */
export function likePattern(text: string | undefined): string | undefined {
  return text === undefined ? undefined : `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
}
