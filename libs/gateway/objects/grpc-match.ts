// Parses a GRPCRouteMatch as a match of HTTP requests: service and method are the two segments of the path.
import type { Cursor } from '#libs/gateway/fields/cursor.ts';
import { type HttpMatch, parseHeaderMatches, type StringMatch } from './http-match.ts';
import { regexProblem } from '#libs/gateway/fields/regex.ts';

/** The patterns that the CRD has for Exact. */
const servicePattern = /^\.?[A-Za-z_][A-Za-z_0-9]*(\.[A-Za-z_][A-Za-z_0-9]*)*$/;
const methodPattern = /^[A-Za-z_][A-Za-z_0-9]*$/;
const anySegment = '[^/]+';

/** Parses one match; undefined = a problem was noted. */
export function parseGrpcMatch(at: Cursor): HttpMatch | undefined {
  if (at.requiredObject() === undefined) return undefined;
  const headers = parseHeaderMatches(at.field('headers'));
  const method = at.field('method');
  if (method.present && method.object() === undefined) return undefined;
  const type = method.field('type').present ? method.field('type').oneOf(['Exact', 'RegularExpression']) : 'Exact';
  if (type === undefined) return undefined;
  const grpc = {
    ...part('service', readPart(method.field('service'), type, servicePattern)),
    ...part('method', readPart(method.field('method'), type, methodPattern)),
  };
  if (method.field('type').present && isEmpty(method.field('service')) && isEmpty(method.field('method'))) {
    return method.problem('must have a service or a method');
  }
  const path = toPath(grpc.service, grpc.method);
  const problem = path.type === 'RegularExpression' ? regexProblem(path.value) : undefined;
  return problem === undefined ? { path, headers, query: [], grpc } : method.problem(problem);
}

function isEmpty(at: Cursor): boolean {
  return !at.present || at.into([]).text() === '';
}

/** '' counts as absent, as the specification says. */
function readPart(at: Cursor, type: StringMatch['type'], exact: RegExp): StringMatch | undefined {
  const value = at.text({ max: 1024 });
  if (value === undefined || value === '') return undefined;
  if (type === 'Exact') {
    return exact.test(value) ? { type, value } : at.problem(`${JSON.stringify(value)} is not a name of gRPC`);
  }
  // Alone, so that no parenthesis of one part closes what the other opened.
  const problem = regexProblem(value);
  return problem === undefined ? { type, value } : at.problem(problem);
}

function part<K extends string>(key: K, value: StringMatch | undefined): { readonly [P in K]?: StringMatch } {
  const none: { [P in K]?: StringMatch } = {};
  if (value !== undefined) none[key] = value;
  return none;
}

function toPath(service: StringMatch | undefined, method: StringMatch | undefined): HttpMatch['path'] {
  if (service === undefined && method === undefined) return { type: 'PathPrefix', value: '/' };
  if (service?.type === 'Exact' && method === undefined) return { type: 'PathPrefix', value: `/${service.value}` };
  if (service?.type === 'Exact' && method?.type === 'Exact') {
    return { type: 'Exact', value: `/${service.value}/${method.value}` };
  }
  return { type: 'RegularExpression', value: `/${toRegex(service)}/${toRegex(method)}` };
}

function toRegex(part: StringMatch | undefined): string {
  if (part === undefined) return anySegment;
  return part.type === 'Exact' ? part.value.replaceAll('.', '\\.') : `(?:${part.value})`;
}
