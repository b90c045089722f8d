// Makes requests through a listener of this host for tests, and servers that say their name.
import { createServer, request, Agent } from 'node:http';
import { createConnection } from 'node:net';
import { listenOn } from '#libs/runtime/ports.ts';

export interface Upstream {
  readonly port: number;
  /** Requests so far. */
  asked(): number;
  stop(): Promise<void>;
}

/** A server that answers with its name, after a while. */
export async function startUpstream(name: string, delayMs = 0): Promise<Upstream> {
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    if (delayMs === 0) response.end(name);
    else setTimeout(() => response.end(name), delayMs);
  });
  server.keepAliveTimeout = 60_000;
  const port = await listenOn(server, { host: '127.0.0.1', port: 0 });
  return {
    port,
    asked: () => asked,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Whether something takes connections on a port. */
export function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

const sharedAgent = new Agent({ keepAlive: true, maxSockets: 16 });

/** `status body` of one request; the error's message when there is no answer. */
export function ask(port: number, host: string, path = '/', agent: Agent | false = false): Promise<string> {
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path, headers: { host }, agent, timeout: 5000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve(`${response.statusCode} ${Buffer.concat(chunks).toString()}`));
      response.on('error', (error) => resolve(error.message));
    });
    call.on('timeout', () => call.destroy(new Error('timeout')));
    call.on('error', (error) => resolve(error.message));
    call.end();
  });
}

interface Traffic {
  readonly count: number;
  /** Answers that were not expected. */
  readonly wrong: readonly string[];
  stop(): Promise<void>;
}

/** Asks without end, some at a time, half of it over new connections; `expected` are the answers that are right. */
export function startTraffic(port: number, host: string, expected: readonly string[], clients = 4): Traffic {
  const wrong: string[] = [];
  let count = 0;
  let running = true;
  const client = async (agent: Agent | false): Promise<void> => {
    while (running) {
      const answer = await ask(port, host, '/', agent);
      count++;
      if (!expected.includes(answer)) wrong.push(answer);
    }
  };
  const done = Promise.all(Array.from({ length: clients }, (_, i) => client(i % 2 === 0 ? sharedAgent : false)));
  return {
    get count() {
      return count;
    },
    wrong,
    async stop() {
      running = false;
      await done;
    },
  };
}
