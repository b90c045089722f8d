// Refuses parameters of a query that an endpoint does not know: a filter that is not applied would make the answer a
// lie.
import { Problem } from '#libs/api/problem.ts';

const namedMax = 5;
const nameLengthMax = 50;

/** Gives the problem that names the unknown parameters and the known ones; undefined = all are known. */
export function unknownParameter(query: unknown, known: readonly string[]): Problem | undefined {
  const given = typeof query === 'object' && query !== null ? Object.keys(query) : [];
  const unknown = given.filter((name) => !known.includes(name));
  if (unknown.length === 0) return undefined;
  const named = unknown.slice(0, namedMax).map((name) => JSON.stringify(name.slice(0, nameLengthMax)));
  const others = known.length === 0 ? 'none is known here' : `known are ${known.join(', ')}`;
  return new Problem('bad-request', `unknown in the query: ${named.join(', ')}; ${others}`);
}
