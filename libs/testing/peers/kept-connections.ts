// Sends many HTTP/1.1 requests over few connections that are kept open, for tests that ask thousands.
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Echo } from './http-peers.ts';

export interface KeptRequest {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface KeptAnswer {
  readonly status: number;
  /** In order; names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly echo: Echo | undefined;
}

/** Where to: TLS with a server name ('' = none) and what the client shows, if anything; or plain. */
export interface AskTarget {
  readonly port: number;
  readonly serverName?: string;
  readonly certificate?: { readonly cert: string; readonly key: string };
}

const connectionsMax = 8;

/** Asks all of them; 'closed' = the connection was closed, even though it was a new one. */
export async function askAll(
  target: AskTarget,
  requests: readonly KeptRequest[],
): Promise<readonly (KeptAnswer | 'closed')[]> {
  const answers: (KeptAnswer | 'closed')[] = [];
  const queue = requests.entries();
  const work = async (): Promise<void> => {
    let connection: KeptConnection | undefined;
    for (const [index, request] of queue) {
      const first = await connection?.ask(request);
      if (first === undefined || first === 'closed') {
        connection = new KeptConnection(target);
        answers[index] = await connection.ask(request);
      } else answers[index] = first;
    }
    connection?.close();
  };
  await Promise.all(Array.from({ length: Math.min(connectionsMax, requests.length) }, work));
  return answers;
}

/** One request after another. */
class KeptConnection {
  readonly #socket: Socket;
  #text = '';
  #method = '';
  #answered: (answer: KeptAnswer | 'closed') => void = () => undefined;
  #isClosed = false;

  constructor(target: AskTarget) {
    this.#socket = target.serverName === undefined ? connect(target.port, '127.0.0.1') : secure(target);
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => {
      this.#isClosed = true;
      this.#answered('closed');
    });
    this.#socket.on('data', (data: Buffer) => {
      this.#text += data.toString('latin1');
      const answer = readAnswer(this.#text, this.#method);
      if (answer === undefined) return;
      // Envoy waits a second for the client to close.
      if (answer.headers.some(([name, value]) => name === 'connection' && value === 'close')) this.close();
      this.#answered(answer);
    });
  }

  ask(request: KeptRequest): Promise<KeptAnswer | 'closed'> {
    if (this.#isClosed) return Promise.resolve('closed');
    this.#text = '';
    this.#method = request.method;
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#socket.write(requestText(request), 'latin1');
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }
}

function secure({ port, serverName = '', certificate }: AskTarget): Socket {
  return connectTls({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    ...(serverName === '' ? {} : { servername: serverName }),
    ...certificate,
  });
}

function requestText({ method, path, host, headers }: KeptRequest): string {
  const lines = [`${method} ${path} HTTP/1.1`, `Host: ${host}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  return `${lines.join('\r\n')}\r\n\r\n`;
}

/** Gives the answer to a request with this method; undefined = there is more to come. */
function readAnswer(text: string, method: string): KeptAnswer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers = lines.map((line): readonly [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  });
  const status = Number(first.split(' ')[1] ?? 0);
  const body = method === 'HEAD' ? '' : readBody(text.slice(end + 4), new Map(headers));
  return body === undefined
    ? undefined
    : { status, headers, echo: body.startsWith('{') ? JSON.parse(body) : undefined };
}

function readBody(text: string, headers: ReadonlyMap<string, string>): string | undefined {
  if (headers.get('transfer-encoding') !== 'chunked') {
    const length = Number(headers.get('content-length') ?? 0);
    return text.length < length ? undefined : text.slice(0, length);
  }
  if (!text.endsWith('0\r\n\r\n')) return undefined;
  let body = '';
  for (let at = 0; ;) {
    const line = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, line), 16);
    if (!(size > 0)) return body;
    body += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}
