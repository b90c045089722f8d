// Makes of one HttpMatch what can be asked quickly, and says what exactly a request lacks for it.
import { RE2JS } from 're2js';
import type { HttpRuleEntry } from '#libs/snapshot/entry.ts';
import { preflightMethod } from '#libs/snapshot/preflight.ts';
import type { HttpMatch, StringMatch } from '#libs/gateway/objects/http-match.ts';
import type { ReadRequest } from './request.ts';

/** What a request lacks. */
export type Lack =
  | { readonly of: 'path' }
  | { readonly of: 'method' }
  | { readonly of: 'header' | 'query'; readonly name: string; readonly wanted: StringMatch; readonly found?: string }
  /** The match has a regular expression that is none: nothing ever matches. */
  | { readonly of: 'regex'; readonly pattern: string };

export interface Predicate {
  readonly match: HttpMatch;
  readonly path: PathTest;
  readonly method: string | undefined;
  readonly headers: readonly NamedTest[];
  readonly query: readonly NamedTest[];
  /** It takes preflights that ask about this method, and nothing else. */
  readonly asked?: string;
}

type PathTest =
  | { readonly type: 'exact'; readonly value: string }
  /** Without slashes at the end; '' = every path. */
  | { readonly type: 'prefix'; readonly value: string }
  /** `head` = what every match begins with: cheap to see. */
  | { readonly type: 'regex'; readonly regex: RE2JS; readonly head: string }
  | { readonly type: 'never' };

interface NamedTest {
  readonly name: string;
  readonly wanted: StringMatch;
  readonly test: (value: string) => boolean;
}

/** Compiles one match. */
export function compilePredicate(match: HttpMatch): Predicate {
  const { path, method, headers, query } = match;
  return {
    match,
    path: compilePath(path),
    method,
    headers: headers.map((one) => compileHeader(one)),
    query: query.map((one) => compileNamed(one, one.name)),
  };
}

/** Gives what takes the preflights of a match in a rule, or undefined (libs/snapshot/preflight.ts). */
export function preflightOf(predicate: Predicate, rule: HttpRuleEntry): Predicate | undefined {
  const asked = preflightMethod(rule, predicate.match);
  return asked === undefined ? undefined : { ...predicate, method: 'OPTIONS', asked };
}

function isPreflight({ header }: ReadRequest, asked: string): boolean {
  return header('origin').length > 0 && header('access-control-request-method').includes(asked);
}

/** Tells whether everything but the path is as wanted. */
export function holdsBesidePath({ method, headers, query, asked }: Predicate, request: ReadRequest): boolean {
  if (method !== undefined && method !== request.method) return false;
  if (asked !== undefined && !isPreflight(request, asked)) return false;
  for (const { name, test } of headers) if (!request.header(name).some(test)) return false;
  for (const { name, test } of query) {
    const value = request.parameter(name);
    if (value === undefined || !test(value)) return false;
  }
  return true;
}

/** Tells whether a path, without query, is as wanted. */
export function holdsPath(test: PathTest, path: string): boolean {
  if (test.type === 'exact') return path === test.value;
  if (test.type === 'regex') return path.startsWith(test.head) && test.regex.testExact(path);
  if (test.type === 'never') return false;
  return path.startsWith(test.value) && (path.length === test.value.length || path[test.value.length] === '/');
}

/** Gives everything that a request lacks for a match; empty = it matches. */
export function lacks(predicate: Predicate, request: ReadRequest): readonly Lack[] {
  const { match, path, method } = predicate;
  const found: Lack[] = [];
  if (path.type === 'never') found.push({ of: 'regex', pattern: match.path.value });
  else if (!holdsPath(path, request.path)) found.push({ of: 'path' });
  if (method !== undefined && method !== request.method) found.push({ of: 'method' });
  for (const one of predicate.headers) found.push(...lackOf('header', one, request.header(one.name)));
  for (const one of predicate.query) {
    const value = request.parameter(one.name);
    found.push(...lackOf('query', one, value === undefined ? [] : [value]));
  }
  return found;
}

function lackOf(of: 'header' | 'query', { name, wanted, test }: NamedTest, values: readonly string[]): readonly Lack[] {
  if (wanted.type === 'RegularExpression' && regexOf(wanted.value) === undefined)
    return [{ of: 'regex', pattern: wanted.value }];
  if (values.some(test)) return [];
  return [
    {
      of,
      name,
      wanted,
      ...(values.length === 0 ? {} : { found: Buffer.from(values.join(', '), 'latin1').toString('utf8') }),
    },
  ];
}

function compilePath({ type, value }: HttpMatch['path']): PathTest {
  if (type === 'Exact') return { type: 'exact', value };
  if (type === 'PathPrefix') return { type: 'prefix', value: value.replace(/\/+$/, '') };
  const regex = regexOf(value);
  return regex === undefined ? { type: 'never' } : { type: 'regex', regex, head: headOf(value) };
}

function compileNamed(wanted: StringMatch, name: string): NamedTest {
  if (wanted.type === 'Exact') return { name, wanted, test: (value) => value === wanted.value };
  const regex = regexOf(wanted.value);
  return { name, wanted, test: (value) => regex?.testExact(value) === true };
}

/** Envoy matches header values byte for byte, regular expressions too: `.` is half of an `é` in UTF-8. */
function compileHeader(wanted: HttpMatch['headers'][number]): NamedTest {
  const value = Buffer.from(wanted.value, 'utf8').toString('latin1');
  return { ...compileNamed({ ...wanted, value }, wanted.name.toLowerCase()), wanted };
}

/** Gives the plain letters that a pattern begins with; what follows them may make the last one optional. */
function headOf(pattern: string): string {
  if (pattern.includes('|')) return '';
  const head = /^[A-Za-z0-9/_-]*/.exec(pattern)?.[0] ?? '';
  return /^[?*{]/.test(pattern.slice(head.length)) ? head.slice(0, -1) : head;
}

/** Compiling costs, and the same patterns come again. */
const regexes = new Map<string, RE2JS | undefined>();
const regexesMax = 10_000;

function regexOf(pattern: string): RE2JS | undefined {
  const known = regexes.get(pattern);
  if (known !== undefined || regexes.has(pattern)) return known;
  if (regexes.size >= regexesMax) regexes.clear();
  const compiled = compileRegex(pattern);
  regexes.set(pattern, compiled);
  return compiled;
}

function compileRegex(pattern: string): RE2JS | undefined {
  try {
    return RE2JS.compile(pattern);
  } catch {
    return undefined;
  }
}
