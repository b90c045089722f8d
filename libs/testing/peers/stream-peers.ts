// Speaks TCP, TLS and UDP for tests: backends answer `<name> <what they got>`, and clients say what they get, or that
// nothing came.
import { createSocket, type Socket as Datagrams } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, createServer as createTlsServer } from 'node:tls';
import { listenFor } from './listening.ts';
import type { Teardown } from './throwaway.ts';

interface StreamBackend {
  readonly port: number;
}

/**
 * Starts a TCP backend on a free port; over TLS when it has a certificate, and then it also says the server name that
 * it was asked for.
 */
export async function startStreamBackend(
  test: Teardown,
  name: string,
  certificate?: { readonly cert: string; readonly key: string },
): Promise<StreamBackend> {
  const server =
    certificate === undefined
      ? createServer((socket) => serve(socket, name))
      : createTlsServer(certificate, (socket) => serve(socket, `${name} for ${String(socket.servername)}`));
  server.on('tlsClientError', () => undefined);
  return { port: await listenFor(test, server) };
}

/** Starts a UDP backend on a free port. */
export async function startDatagramBackend(test: Teardown, name: string): Promise<StreamBackend> {
  const socket = createSocket('udp4');
  socket.on('message', (data, peer) => socket.send(`${name} ${data.toString()}`, peer.port, peer.address));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  test.teardown(() => void socket.close());
  return { port: socket.address().port };
}

/** A connection that stays open; `say` resolves with the next answer, or with 'closed'. */
interface Stream {
  say(text: string): Promise<string>;
  /** Over TLS: whether an earlier session was taken up. */
  readonly isResumed: boolean;
  close(): void;
}

export type StreamTls = Pick<ConnectionOptions, 'cert' | 'key' | 'session' | 'maxVersion'> & {
  readonly servername?: string;
  /** Called with what a later connection can take up. */
  readonly onSession?: (session: Buffer) => void;
};

/** Opens a connection; undefined when it does not come about. */
export async function openStream(port: number, tls?: StreamTls): Promise<Stream | undefined> {
  const address = { port, host: '127.0.0.1' };
  const secure = tls === undefined ? undefined : connectTls({ ...address, ...tls, rejectUnauthorized: false });
  const socket: Socket = secure ?? connect(address);
  const onSession = tls?.onSession;
  if (onSession !== undefined) secure?.on('session', onSession);
  try {
    await once(socket, secure === undefined ? 'connect' : 'secureConnect');
  } catch {
    return undefined;
  }
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => {
    socket.once('close', () => resolve('closed'));
  });
  return {
    say: (text) => {
      const answer = new Promise<string>((resolve) => {
        socket.once('data', (data: Buffer) => resolve(data.toString()));
      });
      socket.write(text);
      return Promise.race([answer, closed]);
    },
    isResumed: secure?.isSessionReused() ?? false,
    close: () => socket.destroy(),
  };
}

/**
 * Gives the answer to one text over a new connection; 'refused' when there is none, 'closed' when it ends without an
 * answer.
 */
export async function askStream(port: number, tls?: StreamTls): Promise<string> {
  const stream = await openStream(port, tls);
  if (stream === undefined) return 'refused';
  const answer = await stream.say('hello');
  stream.close();
  return answer;
}

/** A client of one UDP session. */
interface DatagramClient {
  /** The next answer, or 'nothing' when none comes for a while. */
  say(text: string): Promise<string>;
  close(): void;
}

/** How long a datagram that is lost is waited for. */
const patienceMs = 500;

export function openDatagrams(port: number): DatagramClient {
  const socket: Datagrams = createSocket('udp4');
  return {
    say: (text) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => {
          socket.removeAllListeners('message');
          resolve('nothing');
        }, patienceMs);
        socket.once('message', (data) => {
          clearTimeout(timer);
          resolve(data.toString());
        });
        socket.send(text, port, '127.0.0.1');
      }),
    close: () => void socket.close(),
  };
}

/** Gives the answer to one datagram from a new port. */
export async function askDatagram(port: number, text = 'hello'): Promise<string> {
  const client = openDatagrams(port);
  const answer = await client.say(text);
  client.close();
  return answer;
}

function serve(socket: Socket, greeting: string): void {
  socket.on('error', () => undefined);
  socket.on('data', (data: Buffer) => socket.write(`${greeting} ${data.toString()}`));
}
