// Reads a request or connection from what a person typed: METHOD URL, headers as `name: value`. Pure.
import { isIP } from 'node:net';
import type { ClientTls } from '#libs/matching/client-tls.ts';
import type { Header, HttpRequest } from '#libs/matching/request.ts';
import type { StreamConnection } from '#libs/matching/stream.ts';

export interface Typed {
  readonly method: string | undefined;
  readonly url: string;
  readonly headers: readonly string[];
  readonly serverName: string | undefined;
  /** 'trusted': by whatever authority a listener asks for. */
  readonly certificate: 'trusted' | 'untrusted' | undefined;
  readonly port: number | undefined;
}

export type TypedRequest =
  | { readonly type: 'http'; readonly request: HttpRequest }
  | { readonly type: 'stream'; readonly connection: StreamConnection }
  | { readonly problem: string };

const defaultPorts: Readonly<Record<string, number>> = { http: 80, https: 443, tls: 443 };
const urlPattern = /^([a-z]+):\/\/(\[[^\]]*\]|[^/?#:]*)(?::(\d{1,5}))?([/?][^#]*)?$/i;

/** Reads `GET https://shop.example/cart`, and `tcp://:5432`, `udp://:53`, `tls://db.example` for what is no HTTP. */
export function readTyped({ method, url, headers, serverName, certificate, port }: Typed): TypedRequest {
  const [, scheme = '', hostname = '', typedPort, rest = ''] = urlPattern.exec(url) ?? [];
  const at = port ?? (typedPort === undefined ? defaultPorts[scheme.toLowerCase()] : Number(typedPort));
  const kind = scheme.toLowerCase();
  if (!['http', 'https', 'tls', 'tcp', 'udp'].includes(kind))
    return { problem: `"${url}" is no URL: write http://host/path or https://host/path (or tls://, tcp://, udp://)` };
  if (at === undefined || at < 1 || at > 65_535) return { problem: `${url}: which port? Add --port` };
  const bare = hostname.replaceAll(/^\[|\]$/g, '');
  const named = serverName ?? (isIP(bare) === 0 ? bare : '');
  const signedBy = certificate === 'trusted' ? 'any' : [];
  const tls: ClientTls = {
    ...(named === '' ? {} : { serverName: named }),
    ...(certificate === undefined ? {} : { certificate: { signedBy } }),
  };
  if (certificate !== undefined && kind !== 'https' && kind !== 'tls')
    return { problem: `${kind} has no TLS to show a certificate in: write https:// or tls://` };
  if (kind === 'tls' || kind === 'tcp' || kind === 'udp') {
    const transport = kind === 'udp' ? 'udp' : 'tcp';
    return { type: 'stream', connection: { port: at, transport, ...(kind === 'tls' ? { tls } : {}) } };
  }
  const read = readHeaders(headers);
  if ('problem' in read) return read;
  const given = read.headers.findLast(([name]) => name.toLowerCase() === 'host')?.[1];
  const request: HttpRequest = {
    port: at,
    ...(kind === 'https' ? { tls } : {}),
    method: (method ?? 'GET').toUpperCase(),
    host: given ?? `${hostname}${typedPort === undefined ? '' : `:${typedPort}`}`,
    path: rest.startsWith('/') ? rest : `/${rest}`,
    headers: read.headers.filter(([name]) => name.toLowerCase() !== 'host'),
  };
  return { type: 'http', request };
}

function readHeaders(lines: readonly string[]): { readonly headers: readonly Header[] } | { readonly problem: string } {
  const headers: Header[] = [];
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon < 1) return { problem: `"${line}" is no header: write "name: value"` };
    const value = Buffer.from(line.slice(colon + 1).trim(), 'utf8').toString('latin1');
    headers.push([line.slice(0, colon).trim(), value]);
  }
  return { headers };
}
