// Writes one HTTPRouteMatch as Envoy has it, or says why it cannot be had: then no request can be known to match, and
// it is left out.
import { regexProblem } from '#libs/gateway/fields/regex.ts';
import type { HttpMatch } from '#libs/gateway/objects/http-match.ts';
import type { ProtoMessage } from './resources.ts';
import { isHeaderName } from './text-limits.ts';

type CompiledMatch = { readonly match: ProtoMessage } | { readonly problem: string };

type NamedMatch = HttpMatch['headers'][number];

const queryNameMax = 1024;

/** Compiles one match. Paths are matched as they come, regular expressions against the whole path without query. */
export function compileMatch({ path, method, headers, query }: HttpMatch): CompiledMatch {
  const problem =
    pathProblem(path) ??
    headers.map(headerProblem).find(isProblem) ??
    query.map(queryProblem).find(isProblem) ??
    (method === undefined || /^[A-Z]{1,32}$/.test(method) ? undefined : 'the method is not one');
  if (problem !== undefined) return { problem };
  const headerMatches: readonly ProtoMessage[] = [
    ...(method === undefined ? [] : [{ name: ':method', string_match: { exact: method } }]),
    ...headers.map((header) => ({ name: headerKey(header.name), string_match: stringMatch(header) })),
  ];
  return {
    match: {
      ...pathMatch(path),
      ...(headerMatches.length === 0 ? {} : { headers: headerMatches }),
      ...(query.length === 0
        ? {}
        : { query_parameters: query.map((one) => ({ name: one.name, string_match: stringMatch(one) })) }),
    },
  };
}

function pathMatch({ type, value }: HttpMatch['path']): ProtoMessage {
  if (type === 'Exact') return { path: value };
  if (type === 'RegularExpression') return { safe_regex: { regex: value } };
  const prefix = pathPrefix(value);
  return prefix === '/' ? { prefix } : { path_separated_prefix: prefix };
}

/** Gives a prefix without trailing slashes, unless it is all. */
export function pathPrefix(value: string): string {
  return value.replace(/\/+$/, '') || '/';
}

function stringMatch(match: NamedMatch): ProtoMessage {
  return match.type === 'Exact' ? { exact: match.value } : { safe_regex: { regex: match.value } };
}

function pathProblem({ type, value }: HttpMatch['path']): string | undefined {
  if (type === 'RegularExpression') return regexRefusal(value);
  if (!value.startsWith('/')) return 'the path does not start with /';
  return /^[^?#\0\r\n]{1,8192}$/.test(value) && value.isWellFormed() ? undefined : 'the path is not one';
}

function headerProblem(match: NamedMatch): string | undefined {
  if (headerKey(match.name) !== ':authority' && !isHeaderName(match.name)) return 'a header name is not one';
  return valueProblem(match);
}

function queryProblem(match: NamedMatch): string | undefined {
  if (match.name === '' || Buffer.byteLength(match.name) > queryNameMax || !match.name.isWellFormed())
    return 'a query parameter name is not one';
  return valueProblem(match);
}

function valueProblem({ type, value }: NamedMatch): string | undefined {
  if (type === 'RegularExpression') return regexRefusal(value);
  return value.isWellFormed() ? undefined : 'a value is not Unicode text';
}

function regexRefusal(pattern: string): string | undefined {
  const problem = regexProblem(pattern);
  return problem && `a value ${problem}`;
}

/** Envoy keeps Host as :authority. */
function headerKey(name: string): string {
  return name.toLowerCase() === 'host' ? ':authority' : name;
}

function isProblem(problem: string | undefined): problem is string {
  return problem !== undefined;
}
