// Addresses and ports for the parts of `up`.
import { createServer } from 'node:net';

/** The wanted port where nobody listens on it, else any free one. 0 = any. Another process may still take it before we do. */
export async function choosePort(host: string, wanted: number): Promise<number> {
  return (await tryPort(host, wanted)) ?? (await tryPort(host, 0)) ?? wanted;
}

/** The port that could be listened on, or undefined. */
export function tryPort(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(address === null || typeof address === 'string' ? undefined : address.port));
    });
  });
}

/** How a local client writes the host of what is bound to an address: any address is reached by loopback, IPv6 goes in brackets. */
export function hostOf(bind: string): string {
  if (bind === '0.0.0.0' || bind === '::') return '127.0.0.1';
  return bind.includes(':') ? `[${bind}]` : bind;
}
