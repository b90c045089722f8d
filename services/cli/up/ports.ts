// Chooses ports for the parts of `up`, and writes the addresses at which they are reached.
import { createServer } from 'node:net';

/**
 * Gives the wanted port where nobody listens on it, else any free one; 0 = any. Another process may still take it
 * first.
 */
export async function choosePort(host: string, wanted: number): Promise<number> {
  return (await tryPort(host, wanted)) ?? (await tryPort(host, 0)) ?? wanted;
}

/** Gives the port that could be listened on, or undefined. */
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

/**
 * Writes the host of what is bound to an address as a local client does: loopback for any address, IPv6 in brackets.
 */
export function hostOf(bind: string): string {
  if (bind === '0.0.0.0' || bind === '::') return '127.0.0.1';
  return bind.includes(':') ? `[${bind}]` : bind;
}
