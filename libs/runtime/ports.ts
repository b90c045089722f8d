// Takes TCP ports: listens on one, tells which one a server got, and tries whether one is free.
import { once } from 'node:events';
import { type AddressInfo, type Server, createServer } from 'node:net';
import { fail, messageOf } from './errors.ts';

/** Listens and resolves to the port; 0 takes any free one. Throws FleetgateError 'port-in-use'. */
export async function listenOn(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<number> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
  } catch (error) {
    throw fail('port-in-use', `${host}:${port} (${messageOf(error)})`, { cause: error });
  }
  return portOf(server.address());
}

/** Gives the port of the address of a server that listens on one. Throws for anything else. */
export function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new TypeError('the server listens on no port');
  return address.port;
}

/**
 * Resolves to the port if nobody listens on it, else to undefined; 0 = any free one. It may be taken the next moment.
 */
export function tryPort(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(undefined));
    server.listen({ port, host, exclusive: true }, () => {
      const tried = portOf(server.address());
      server.close(() => resolve(tried));
    });
  });
}
