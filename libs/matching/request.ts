// Declares a request as a client sends it, and turns it into what routes are looked for by: a Host in its one spelling,
// a path without detours.
import type { ClientTls } from './client-tls.ts';
import { readHeaderLines, type RequestProblem } from './header-lines.ts';
import { normalisePath } from './path.ts';

export interface HttpRequest {
  /** Port of the listener (without a node's port offset). */
  readonly port: number;
  /** Absent = plain text. */
  readonly tls?: ClientTls;
  readonly method: string;
  /** As in the Host header or :authority. */
  readonly host: string;
  /** With the query, as in the request line. */
  readonly path: string;
  /** Values as Node gives them, a character for each byte. */
  readonly headers: readonly Header[];
  /** Absent = 1.1. */
  readonly version?: '1.1' | '2';
}

export type Header = readonly [name: string, value: string];

export interface ReadRequest {
  readonly method: string;
  readonly scheme: 'http' | 'https';
  /** As sent. */
  readonly authority: string;
  /** Lower case, without port and final dot. */
  readonly host: string;
  /** Without the query. */
  readonly path: string;
  /** With its '?', or ''. */
  readonly query: string;
  /** What is left of them for routes, in order; names in lower case. */
  readonly headers: readonly Header[];
  /** The values of a name, each for itself as repeated lines are matched. Host goes by `host`. */
  readonly header: (name: string) => readonly string[];
  /** The first value of a query parameter, as it is written; undefined = there is none. */
  readonly parameter: (name: string) => string | undefined;
}

const hostPattern = /^[A-Za-z0-9!"$%&'()*+.:;=@[\]_~-]*$/;

/** The methods that Envoy takes over HTTP/1.1; over HTTP/2 it takes any. */
const methods: ReadonlySet<string> = new Set(
  [
    'ACL BIND CHECKOUT COPY DELETE GET HEAD LINK LOCK MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS',
    'PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK',
    'UNSUBSCRIBE',
  ].flatMap((line) => line.split(' ')),
);

/** Stand for what Envoy sets itself and nobody knows beforehand: the client's address, and a request id. */
const unknownAddress = '0.0.0.0';
const unknownId = '00000000-0000-4000-8000-000000000000';

/** Says what routes see of a request, or why it is no request. */
export function readRequest(request: HttpRequest): ReadRequest | RequestProblem {
  const { host: authority, method } = request;
  const problem = problemOf(request);
  if (problem !== undefined) return problem;
  const read = readHeaderLines(request.headers, request.version ?? '1.1');
  if ('problem' in read) return read;
  const headers = read.lines;
  // Envoy answers itself: a QUERY asks by its body, and the type says how to read it.
  if (method === 'QUERY' && !headers.some(([name, value]) => name === 'content-type' && value !== ''))
    return { problem: 'a QUERY needs a Content-Type', status: 400 };
  const mark = request.path.indexOf('?');
  const path = normalisePath(mark < 0 ? request.path : request.path.slice(0, mark));
  const query = mark < 0 ? '' : request.path.slice(mark);
  const scheme = request.tls === undefined ? 'http' : 'https';
  return {
    method,
    scheme,
    authority,
    host: canonicalHost(authority),
    path,
    query,
    headers,
    header: headerReader(headers, authority, scheme),
    parameter: parameterReader(query),
  };
}

function problemOf({ host, method, path, version }: HttpRequest): RequestProblem | undefined {
  // What HTTP/2 itself forbids has no answer.
  const status = version === '2' ? 'reset' : 400;
  if (version !== '2' && !methods.has(method)) return { problem: `${method} is no method of HTTP/1.1`, status };
  if (host.includes(',')) return { problem: 'there is more than one Host', status: 400 };
  if (!hostPattern.test(host)) return { problem: 'Host is not a host', status };
  if (!path.startsWith('/')) return { problem: 'the path does not start with "/"', status };
  return path.includes('#') ? { problem: 'the path has a fragment', status: 400 } : undefined;
}

/** Gives a host as listeners and routes name it. */
export function canonicalHost(authority: string): string {
  const host = authority.toLowerCase().replace(/:\d*$/, '');
  return host.endsWith('.') ? host.slice(0, -1) : host;
}

function headerReader(headers: readonly Header[], authority: string, scheme: string): ReadRequest['header'] {
  let byName: Map<string, string[]> | undefined;
  return (name) => {
    if (byName === undefined) {
      byName = new Map();
      for (const [key, value] of headers) {
        const values = byName.get(key);
        if (values === undefined) byName.set(key, [value]);
        else values.push(value);
      }
      const forwardedFor = (byName.get('x-forwarded-for') ?? []).filter((value) => value !== '');
      byName.set('host', [authority]).set('x-forwarded-proto', [scheme]);
      byName.set('x-forwarded-for', [[...forwardedFor, unknownAddress].join(',')]);
      byName.set('x-envoy-external-address', [unknownAddress]);
      byName.set('x-fleetgate-scope', ['']);
      if ((byName.get('x-request-id')?.[0] ?? '') === '') byName.set('x-request-id', [unknownId]);
    }
    return byName.get(name) ?? [];
  };
}

function parameterReader(query: string): ReadRequest['parameter'] {
  let byName: Map<string, string> | undefined;
  return (name) => {
    if (byName === undefined) {
      byName = new Map();
      for (const part of query.slice(1).split('&')) {
        const equals = part.indexOf('=');
        const key = equals < 0 ? part : part.slice(0, equals);
        if (part !== '' && !byName.has(key)) byName.set(key, equals < 0 ? '' : part.slice(equals + 1));
      }
    }
    return byName.get(name);
  };
}
