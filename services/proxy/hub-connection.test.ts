// Tests the connection to control against a real WebSocket server: it comes back whatever ends it, and takes nothing
// that it cannot read.
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type WebSocket, WebSocketServer } from 'ws';
import type { HubMessage } from '#libs/protocol/messages.ts';
import { portOf } from '#libs/runtime/ports.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { testLogger, throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { HubConnection, type HubConnectionOptions } from './hub-connection.ts';

class Server {
  readonly tokens: string[] = [];
  readonly heard: unknown[] = [];
  readonly closes: number[] = [];
  /** What is done with each new connection. */
  onConnection: (socket: WebSocket) => void = () => undefined;
  readonly #server: WebSocketServer;

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on('connection', (socket, request) => {
      this.tokens.push(String(request.headers.authorization));
      socket.on('message', (data: Buffer) => this.heard.push(JSON.parse(data.toString())));
      socket.on('close', (code) => this.closes.push(code));
      this.onConnection(socket);
    });
  }

  static async start(t: Test): Promise<Server> {
    const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/v1/node' });
    await once(server, 'listening');
    t.teardown(() => {
      for (const client of server.clients) client.terminate();
      server.close();
    });
    return new Server(server);
  }

  get url(): string {
    return `http://127.0.0.1:${portOf(this.#server.address())}`;
  }

  get sockets(): readonly WebSocket[] {
    return [...this.#server.clients];
  }
}

interface Seen {
  readonly connection: HubConnection;
  readonly messages: HubMessage[];
  opens: number;
  closes: number;
}

void t.test('says hello, hears, and comes back after every end', async (t) => {
  const server = await Server.start(t);
  server.onConnection = (socket) => socket.send('{"type":"pong"}');
  const seen = connect(t, { urls: [server.url] });
  await eventually(() => seen.messages.length === 1);
  seen.connection.send({ type: 'ping', held: [], envoy: 'live' });
  await eventually(() => server.heard.length === 1);
  t.same(server.tokens, ['Bearer secret']);
  for (const [index, end] of [
    (socket: WebSocket) => socket.terminate(),
    (socket: WebSocket) => socket.close(1001),
    (socket: WebSocket) => socket.close(4401, 'unauthorized'),
  ].entries()) {
    for (const socket of server.sockets) end(socket);
    await eventually(() => seen.opens === index + 2);
    await eventually(() => seen.closes === index + 1);
  }
});

void t.test('replicas are tried in turn', async (t) => {
  const [one, two] = [await Server.start(t), await Server.start(t)];
  one.onConnection = (socket) => socket.close(1013);
  two.onConnection = (socket) => socket.send('{"type":"pong"}');
  const seen = connect(t, { urls: ['http://127.0.0.1:1', one.url, two.url] });
  await eventually(() => seen.messages.length === 1);
  t.equal(seen.connection.connected, true);
});

void t.test('what cannot be read ends the connection, and the next begins anew', async (t) => {
  const server = await Server.start(t);
  const bad = ['{', '{"type":"dance"}', '{"type":"snapshot"}', Buffer.from([1, 2, 3])];
  server.onConnection = (socket) => {
    const next = bad.shift();
    if (next !== undefined) socket.send(next);
    else socket.send('{"type":"pong"}');
  };
  const seen = connect(t, { urls: [server.url] });
  await eventually(() => seen.messages.length === 1);
  t.same(server.closes, [4400, 4400, 4400, 4400]);
});

void t.test('silence is an end', async (t) => {
  const server = await Server.start(t);
  const seen = connect(t, { urls: [server.url], timing: { silenceMaxMs: 50, retryMaxMs: 10 } });
  await eventually(() => seen.opens >= 3);
});

void t.test('who was replaced does not come back at once', async (t) => {
  const server = await Server.start(t);
  server.onConnection = (socket) => {
    socket.send('{"type":"pong"}');
    socket.close(4409, 'replaced');
  };
  const seen = connect(t, { urls: [server.url], timing: { retryMinMs: 10, retryMaxMs: 3_600_000 } });
  await eventually(() => seen.closes === 1);
  t.equal(seen.opens, 1);
  await seen.connection.stop();
  t.equal(seen.opens, 1, 'stop ends the pause');
});

void t.test('the token file is read at each connect', async (t) => {
  const server = await Server.start(t);
  const tokenFile = join(await throwawayFolder(t), 'token');
  await writeFile(tokenFile, 'first\n');
  const seen = connect(t, { urls: [server.url], tokenFile });
  await eventually(() => seen.opens === 1);
  await writeFile(tokenFile, 'second\n');
  for (const socket of server.sockets) socket.terminate();
  await eventually(() => seen.opens === 2);
  t.same(server.tokens, ['Bearer first', 'Bearer second']);
});

function connect(t: Test, options: Partial<HubConnectionOptions>): Seen {
  const messages: HubMessage[] = [];
  const seen: Seen = {
    messages,
    opens: 0,
    closes: 0,
    connection: new HubConnection({
      urls: [],
      token: 'secret',
      log: testLogger(),
      onOpen: () => seen.opens++,
      onClose: () => seen.closes++,
      onMessage: (message) => messages.push(message),
      ...options,
      timing: { retryMaxMs: 20, ...options.timing },
    }),
  };
  seen.connection.start();
  t.teardown(() => seen.connection.stop());
  return seen;
}
