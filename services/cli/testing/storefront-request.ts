// For tests: sends one request to the storefront; unless an agent is given, on a connection of its own, as curl would.
import { type Agent, type IncomingHttpHeaders, type RequestOptions, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** Where a node listens; a DemoFleet is one. */
export interface StorefrontNode {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly certificateAuthority: string;
}

interface StorefrontAnswer {
  readonly status: number;
  readonly body: string;
  readonly location: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** Sends a request by HTTP, or by HTTPS with SNI and a certificate that is checked. */
export function ask(
  node: StorefrontNode,
  url: string,
  headers: Readonly<Record<string, string>> = {},
  agent: Agent | false = false,
): Promise<StorefrontAnswer> {
  const { protocol, hostname, pathname, search } = new URL(url);
  const isSecure = protocol === 'https:';
  const options: RequestOptions = {
    host: '127.0.0.1',
    port: isSecure ? node.httpsPort : node.httpPort,
    path: `${pathname}${search}`,
    headers: { host: hostname, ...headers },
    agent,
    timeout: 10_000,
  };
  return new Promise((done, fail) => {
    const send = isSecure
      ? httpsRequest({ ...options, servername: hostname, ca: node.certificateAuthority })
      : httpRequest(options);
    send.once('error', fail);
    send.once('timeout', () => send.destroy(new Error(`no answer from ${url}`)));
    send.once('response', (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => (body += text));
      response.once('end', () => {
        const { headers, statusCode: status = 0 } = response;
        done({ status, body, location: headers.location, headers });
      });
      response.once('error', fail);
    });
    send.end();
  });
}
