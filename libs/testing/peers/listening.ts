// Listens on a free port of this host for the length of a test.
import type { Server, Socket } from 'node:net';
import { listenOn } from '#libs/runtime/ports.ts';
import type { Teardown } from './throwaway.ts';

/** Listens and resolves to the port; the server and all of its connections end with the test. */
export async function listenFor(test: Teardown, server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket));
  const port = await listenOn(server, { host: '127.0.0.1', port: 0 });
  test.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return port;
}
