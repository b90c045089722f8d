// Reads what a NATS URL says: the client library takes no credentials from it.
import { fail } from '#libs/runtime/errors.ts';

/**
 * Reads several URLs separated by commas; `tls://` stands for TLS. Credentials are those of the first:
 * `user:password@`, or `token@`; `token` counts where it has none. Throws FleetgateError 'config'.
 */
export function serversOf(
  url: string,
  token?: string,
): {
  servers: string[];
  user?: string;
  pass?: string;
  token?: string;
  tls?: object;
} {
  const urls = url.split(',').map((part) => parseUrl(part.trim()));
  const user = decodeURIComponent(urls[0]?.username ?? '');
  const pass = decodeURIComponent(urls[0]?.password ?? '');
  return {
    servers: urls.map(({ hostname, port }) => `${hostname}:${port || 4222}`),
    ...(user !== '' && pass !== '' ? { user, pass } : {}),
    ...(user !== '' && pass === '' ? { token: user } : {}),
    ...(user === '' && token !== undefined ? { token } : {}),
    ...(urls.some(({ protocol }) => protocol === 'tls:') ? { tls: {} } : {}),
  };
}

function parseUrl(part: string): URL {
  const url = URL.parse(part.includes('://') ? part : `nats://${part}`);
  if (url === null || url.hostname === '') throw fail('config', 'the NATS URL is none; it looks like nats://host:4222');
  return url;
}
