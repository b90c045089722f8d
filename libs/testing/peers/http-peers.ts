// Speaks HTTP for tests at the level of bytes: backends answer what they were asked, and a client sends exactly what it
// is told.
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { tryPort } from '#libs/runtime/ports.ts';
import { listenFor } from './listening.ts';
import type { Teardown } from './throwaway.ts';

/** What a backend saw. */
export interface Echo {
  readonly backend: string;
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Backend {
  readonly port: number;
  /** Everything that it was asked, in order. */
  readonly seen: readonly Echo[];
}

/** Starts a backend on a free port that answers 200 with an Echo, over HTTP/1.1 or HTTP/2 with prior knowledge. */
export async function startBackend(
  test: Teardown,
  name: string,
  options: { readonly protocol?: 'http1' | 'http2'; readonly delayMs?: number } = {},
): Promise<Backend> {
  const seen: Echo[] = [];
  const answer = (method = '', url = '', headers: IncomingHttpHeaders = {}): string => {
    const echo = { backend: name, method, url, headers };
    seen.push(echo);
    return JSON.stringify(echo);
  };
  const delayMs = options.delayMs ?? 0;
  const server =
    options.protocol === 'http2'
      ? createHttp2Server((request, response) => {
          const text = answer(request.method, request.url, { ...request.headers });
          setTimeout(() => response.end(text), delayMs);
        })
      : createServer((request, response) => {
          const text = answer(request.method, request.url, request.headers);
          response.setHeader('x-backend', name);
          response.setHeader('server', 'echo');
          setTimeout(() => response.end(text), delayMs);
        });
  server.on('upgrade', (request: { readonly url?: string }, socket: Socket) => {
    answer('GET', request.url);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    socket.pipe(socket);
  });
  const port = await listenFor(test, server);
  return { port, seen };
}

/** Below those that systems give to connections (net.ipv4.ip_local_port_range): no client comes by such a port. */
const listenedPorts = { first: 10_000, last: 32_000 };
const portTries = 100;

/** Gives a port on 127.0.0.1 that was free a moment ago, for TCP and UDP, and that no connection takes by itself. */
export async function freePort(): Promise<number> {
  const { first, last } = listenedPorts;
  for (let attempt = 0; attempt < portTries; attempt++) {
    const port = randomInt(first, last);
    if ((await tryPort('127.0.0.1', port)) !== undefined && (await isFreeForDatagrams(port))) return port;
  }
  throw new Error(`of ${portTries} ports of 127.0.0.1 none is free`);
}

function isFreeForDatagrams(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    socket.once('error', () => socket.close(() => resolve(false)));
    socket.bind({ port, address: '127.0.0.1', exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly echo: Echo | undefined;
}

export interface Ask {
  /** Sent as it is; absent = no Host. */
  readonly host?: string;
  readonly path?: string;
  readonly method?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  /** Its length is for the headers to say. */
  readonly body?: string;
}

/** Sends one request over a new connection, HTTP/1.1. */
export function ask(port: number, options: Ask = {}): Promise<Answer> {
  return exchange(connect(port, '127.0.0.1'), options);
}

/** Sends one request over TLS with this server name. `undefined` when the connection is refused. */
export async function askTls(
  port: number,
  servername: string | undefined,
  options: Ask,
): Promise<TlsAnswer | undefined> {
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    ...(servername === undefined ? {} : { servername }),
  });
  try {
    await once(socket, 'secureConnect');
  } catch {
    return undefined;
  }
  const certificate = socket.getPeerCertificate().subject.CN;
  const answer = await exchange(socket, options);
  return { ...answer, certificate: String(certificate) };
}

/** A connection that stays open for one request after another; `ask` rejects when it is closed. */
interface Connection {
  ask(options: Ask): Promise<Answer>;
  close(): void;
}

/** Opens a connection, over TLS when a server name is given. */
export async function openConnection(port: number, servername?: string): Promise<Connection> {
  const socket =
    servername === undefined
      ? connect(port, '127.0.0.1')
      : connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, servername, ALPNProtocols: ['http/1.1'] });
  await once(socket, servername === undefined ? 'connect' : 'secureConnect');
  return {
    ask: (options) =>
      new Promise((resolve, reject) => {
        let text = '';
        const done = (): void => {
          socket.off('data', read);
          socket.off('close', closed);
        };
        const closed = (): void => {
          done();
          reject(new Error('the connection was closed'));
        };
        const read = (data: Buffer): void => {
          text += data.toString('latin1');
          if (!isComplete(text)) return;
          done();
          resolve(parseAnswer(text));
        };
        socket.on('data', read);
        socket.on('close', closed);
        socket.write(requestBytes(options, 'keep-alive'));
      }),
    close: () => socket.destroy(),
  };
}

interface TlsAnswer extends Answer {
  /** Common name of what the server showed. */
  readonly certificate: string;
}

/** Sends one request over HTTP/2; https when a server name is given. */
export async function askHttp2(
  port: number,
  options: { readonly headers: OutgoingHttpHeaders; readonly servername?: string; readonly body?: string },
): Promise<Answer> {
  const { servername } = options;
  const session =
    servername === undefined
      ? connectHttp2(`http://127.0.0.1:${port}`)
      : connectHttp2(`https://127.0.0.1:${port}`, { servername, rejectUnauthorized: false });
  const stream = session.request(options.headers);
  stream.end(options.body);
  let body = '';
  stream.on('data', (data: Buffer) => (body += data.toString()));
  const [[headers]] = await Promise.all([once(stream, 'response'), once(stream, 'end')]);
  session.close();
  const plain = Object.fromEntries(Object.entries({ ...headers }).map(([name, value]) => [name, String(value)]));
  return { status: Number(plain[':status']), headers: plain, body, echo: parseEcho(body) };
}

function requestBytes({ host, path = '/', method = 'GET', headers = [], body = '' }: Ask, connection: string): Buffer {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    ...(host === undefined ? [] : [`Host: ${host}`]),
    `Connection: ${connection}`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1');
}

async function exchange(socket: Socket, options: Ask): Promise<Answer> {
  socket.write(requestBytes(options, 'close'));
  let text = '';
  socket.on('data', (data: Buffer) => {
    text += data.toString('latin1');
    if (isComplete(text)) socket.destroy();
  });
  socket.on('error', () => undefined);
  await once(socket, 'close');
  return parseAnswer(text);
}

/** Who closes after a complete answer is of no interest. */
function isComplete(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return false;
  const head = text.slice(0, end).toLowerCase();
  if (/^http\/1\.1 (101|204)/.test(head)) return true;
  const length = /\r\ncontent-length: (\d+)/.exec(head);
  if (length !== null) return text.length >= end + 4 + Number(length[1]);
  return head.includes('\r\ntransfer-encoding: chunked') && text.endsWith('0\r\n\r\n');
}

function parseAnswer(text: string): Answer {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const rest = text.slice(end + 4);
  const body = headers['transfer-encoding'] === 'chunked' ? unchunk(rest) : rest;
  return { status: Number(first.split(' ')[1] ?? 0), headers, body, echo: parseEcho(body) };
}

function unchunk(text: string): string {
  let rest = text;
  let body = '';
  for (;;) {
    const end = rest.indexOf('\r\n');
    const size = Number.parseInt(rest.slice(0, end), 16);
    if (!(size > 0)) return body;
    body += rest.slice(end + 2, end + 2 + size);
    rest = rest.slice(end + 4 + size);
  }
}

function parseEcho(body: string): Echo | undefined {
  return body.startsWith('{') ? JSON.parse(body) : undefined;
}
