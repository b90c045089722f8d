// Starts a backend that speaks TLS, for tests: it answers with an Echo and remembers how it was connected to.
import type { IncomingHttpHeaders } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { listenFor } from './listening.ts';
import { tlsFile } from './stream-gateway.ts';
import type { Teardown } from './throwaway.ts';

/** One connection, as the backend saw its handshake. */
interface Handshake {
  readonly serverName: string;
  /** Common name of what the client showed; '' = nothing. */
  readonly client: string;
  /** By ALPN. */
  readonly protocol: string;
}

interface TlsBackend {
  readonly port: number;
  /** In order. */
  readonly handshakes: readonly Handshake[];
  /** Closes every connection, so that the next request needs a handshake. */
  closeConnections(): void;
}

/** Starts one that shows `backend` of libs/xds/testdata/tls; HTTP/1.1 (and websockets) or HTTP/2. */
export async function startTlsBackend(
  test: Teardown,
  name: string,
  protocol: 'http1' | 'http2' = 'http1',
): Promise<TlsBackend> {
  const handshakes: Handshake[] = [];
  const echo = (method = '', url = '', headers: IncomingHttpHeaders = {}): string =>
    JSON.stringify({ backend: name, method, url, headers });
  const options = {
    cert: tlsFile('backend.crt'),
    key: tlsFile('backend.key'),
    ca: tlsFile('client-ca.crt'),
    requestCert: true,
    rejectUnauthorized: false,
  };
  const server =
    protocol === 'http2'
      ? createSecureServer(options, (request, response) => {
          response.end(echo(request.method, request.url, { ...request.headers }));
        })
      : createServer(options, (request, response) => {
          response.end(echo(request.method, request.url, request.headers));
        });
  const sockets = new Set<TLSSocket>();
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    const subject = socket.authorized ? socket.getPeerCertificate().subject.CN : '';
    handshakes.push({
      serverName: socket.servername === false ? '' : (socket.servername ?? ''),
      client: String(subject),
      protocol: socket.alpnProtocol === false ? '' : (socket.alpnProtocol ?? ''),
    });
  });
  server.on('upgrade', (_request: unknown, socket: Socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    socket.pipe(socket);
  });
  const port = await listenFor(test, server);
  return { port, handshakes, closeConnections: () => sockets.forEach((socket) => socket.destroy()) };
}
