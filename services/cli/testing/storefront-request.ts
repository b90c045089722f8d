// For tests: one request to the storefront, on a connection of its own, as curl would make it.
import { type RequestOptions, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { DemoFleet } from './demo-fleet.ts';

export interface StorefrontAnswer {
  readonly status: number;
  readonly body: string;
  readonly location: string | undefined;
}

/** By HTTP, or by HTTPS with SNI and a certificate that is checked. */
export function ask(
  fleet: DemoFleet,
  url: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<StorefrontAnswer> {
  const { protocol, hostname, pathname, search } = new URL(url);
  const isSecure = protocol === 'https:';
  const options: RequestOptions = {
    host: '127.0.0.1',
    port: isSecure ? fleet.httpsPort : fleet.httpPort,
    path: `${pathname}${search}`,
    headers: { host: hostname, ...headers },
    agent: false,
    timeout: 10_000,
  };
  return new Promise((done, fail) => {
    const send = isSecure
      ? httpsRequest({ ...options, servername: hostname, ca: fleet.certificateAuthority })
      : httpRequest(options);
    send.once('error', fail);
    send.once('timeout', () => send.destroy(new Error(`no answer from ${url}`)));
    send.once('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.once('end', () => done({ status: response.statusCode ?? 0, body, location: response.headers.location }));
      response.once('error', fail);
    });
    send.end();
  });
}
