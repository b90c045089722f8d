// Parses an HTTPRouteMatch, which says what a request must look like. Defaults are filled in, and equal meanings get
// equal values.
import { compareText } from '#libs/gateway/compare-text.ts';
import type { Cursor } from '#libs/gateway/fields/cursor.ts';
import { headerName } from '#libs/gateway/fields/names.ts';
import { pathProblem } from '#libs/gateway/fields/path.ts';
import { regexProblem } from '#libs/gateway/fields/regex.ts';

export type StringMatch =
  | { readonly type: 'Exact'; readonly value: string }
  | { readonly type: 'RegularExpression'; readonly value: string };

/** One HTTPRouteMatch with the specification's defaults filled in. */
export interface HttpMatch {
  /** A PathPrefix has no trailing '/', unless it is '/'. */
  readonly path: { readonly type: 'Exact' | 'PathPrefix' | 'RegularExpression'; readonly value: string };
  readonly method?: string;
  /** Names in lower case; only the first of equal names counts; ordered by name. */
  readonly headers: readonly (StringMatch & { readonly name: string })[];
  /** Only the first of equal names counts; ordered by name. */
  readonly query: readonly (StringMatch & { readonly name: string })[];
  /** What `path` was made from, in the match of a GRPCRoute: decides precedence there. */
  readonly grpc?: { readonly service?: StringMatch; readonly method?: StringMatch };
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'] as const;
const pathTypes = ['Exact', 'PathPrefix', 'RegularExpression'] as const;
const stringTypes = ['Exact', 'RegularExpression'] as const;

/** What a rule without matches matches: everything. */
export const matchEverything: HttpMatch = { path: { type: 'PathPrefix', value: '/' }, headers: [], query: [] };

/** Parses one match; undefined = a problem was noted. */
export function parseHttpMatch(at: Cursor): HttpMatch | undefined {
  if (at.requiredObject() === undefined) return undefined;
  const path = parsePath(at.field('path'));
  const method = at.field('method').oneOf(methods);
  const headers = parseHeaderMatches(at.field('headers'));
  const query = parseStringMatches(at.field('queryParams'), 1024, (name) => name);
  if (path === undefined) return undefined;
  return { path, ...(method === undefined ? {} : { method }), headers, query };
}

/** Parses the header matches of a match of HTTP or gRPC. */
export function parseHeaderMatches(at: Cursor): HttpMatch['headers'] {
  return parseStringMatches(at, 4096, (name) => name.toLowerCase());
}

function parsePath(at: Cursor): HttpMatch['path'] | undefined {
  if (at.present && at.object() === undefined) return undefined;
  const type = at.field('type').present ? at.field('type').oneOf(pathTypes) : 'PathPrefix';
  const value = at.field('value').present ? at.field('value').text({ max: 1024 }) : '/';
  if (type === undefined || value === undefined) return undefined;
  if (type === 'RegularExpression') {
    const problem = regexProblem(value);
    return problem === undefined ? { type, value } : at.field('value').problem(problem);
  }
  const problem = pathProblem(value);
  if (problem !== undefined) return at.field('value').problem(problem);
  return { type, value: type === 'PathPrefix' && value.length > 1 && value.endsWith('/') ? value.slice(0, -1) : value };
}

function parseStringMatches(at: Cursor, valueMax: number, fold: (name: string) => string): HttpMatch['headers'] {
  const byName = new Map<string, StringMatch & { readonly name: string }>();
  for (const item of at.items(16)) {
    if (item.requiredObject() === undefined) continue;
    const type = item.field('type').present ? item.field('type').oneOf(stringTypes) : 'Exact';
    const name = item.field('name').requiredText(headerName);
    const value = item.field('value').requiredText({ min: 1, max: valueMax });
    if (type === undefined || name === undefined || value === undefined) continue;
    const problem = type === 'RegularExpression' ? regexProblem(value) : undefined;
    if (problem !== undefined) item.field('value').problem(problem);
    if (!value.isWellFormed()) item.field('value').problem('is not Unicode text');
    const folded = fold(name);
    if (!byName.has(folded)) byName.set(folded, { type, name: folded, value });
  }
  return [...byName.values()].toSorted((a, b) => compareText(a.name, b.name));
}
