// Declares a request as a client sends it, and turns it into what routes are looked for by: a Host in its one spelling,
// a path without detours.
import { imitatedHeaders } from '#libs/snapshot/imitated-headers.ts';
import { normalisePath } from './path.ts';

export interface HttpRequest {
  /** Port of the listener (without a node's port offset). */
  readonly port: number;
  /** Absent = plain text. Without a server name the client sends none. */
  readonly tls?: { readonly serverName?: string };
  readonly method: string;
  /** As in the Host header or :authority. */
  readonly host: string;
  /** With the query, as in the request line. */
  readonly path: string;
  readonly headers: readonly Header[];
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
  /** In order; names in lower case. */
  readonly headers: readonly Header[];
  /** The values of a name, each for itself as repeated headers are matched. Host goes by `host`. */
  readonly header: (name: string) => readonly string[];
  /** The first value of a query parameter, as it is written; undefined = there is none. */
  readonly parameter: (name: string) => string | undefined;
}

const hostPattern = /^[A-Za-z0-9!"$%&'()*+.:;=@[\]_~-]*$/;

/** Says what routes see of a request, or why it is no request (answered 400). */
export function readRequest(request: HttpRequest): ReadRequest | { readonly problem: string } {
  const { host: authority, method } = request;
  if (authority.includes(',')) return { problem: 'there is more than one Host' };
  if (!hostPattern.test(authority)) return { problem: 'Host is not a host' };
  if (!request.path.startsWith('/')) return { problem: 'the path does not start with "/"' };
  if (request.path.includes('#')) return { problem: 'the path has a fragment' };
  const mark = request.path.indexOf('?');
  const path = normalisePath(mark < 0 ? request.path : request.path.slice(0, mark));
  const query = mark < 0 ? '' : request.path.slice(mark);
  const headers = request.headers
    .map(([name, value]): Header => [name.toLowerCase(), value.trim()])
    .filter(([name]) => !imitatedHeaders.has(name));
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
      byName.set('host', [authority]).set('x-forwarded-proto', [scheme]);
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
