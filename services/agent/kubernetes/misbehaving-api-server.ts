// For tests: an HTTP server that lists and watches as a Kubernetes API server does, and misbehaves where a test says so.
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { Socket } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { type ApiClient, openApiClient } from './api-client.ts';

export interface ServedObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly creationTimestamp: string;
  };
  readonly spec: unknown;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

interface Watcher {
  readonly path: string;
  readonly response: ServerResponse;
}

/** One collection at any path; answers queued in `listAnswers` and `watchAnswers` are used first, each once. */
export class MisbehavingApiServer {
  readonly objects = new Map<string, ServedObject>();
  readonly listAnswers: Answer[] = [];
  readonly watchAnswers: Answer[] = [];
  /** Queries of all requests so far. */
  readonly lists: URLSearchParams[] = [];
  readonly watches: URLSearchParams[] = [];
  /** Paths that are answered by 404. */
  readonly missing = new Set<string>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #watchers = new Set<Watcher>();
  readonly #events: { readonly version: number; readonly text: string }[] = [];
  version = 100;
  #serial = 0;

  constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response));
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  get connections(): number {
    return this.#sockets.size;
  }

  get watching(): number {
    return this.#watchers.size;
  }

  async start(): Promise<ApiClient> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    const address = this.#server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const config = new KubeConfig();
    const cluster = { name: 'test', server: `http://127.0.0.1:${port}`, skipTLSVerify: true };
    config.loadFromClusterAndUser(cluster, { name: 'test', token: 'abc' });
    return openApiClient(config);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Creates or replaces an object, unseen by watches if `silently`. */
  put(name: string, spec: unknown, how: 'watched' | 'silently' = 'watched'): ServedObject {
    const before = this.objects.get(name);
    const object = {
      metadata: {
        name,
        namespace: 'ns',
        uid: before?.metadata.uid ?? `uid-${this.#serial++}`,
        resourceVersion: String(++this.version),
        creationTimestamp: '2026-01-01T00:00:00Z',
      },
      spec,
    };
    this.objects.set(name, object);
    if (how === 'watched') this.#emit(before === undefined ? 'ADDED' : 'MODIFIED', object);
    return object;
  }

  remove(name: string, how: 'watched' | 'silently' = 'watched'): void {
    const before = this.objects.get(name);
    if (before === undefined) throw new RangeError(name);
    this.objects.delete(name);
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(++this.version) } };
    if (how === 'watched') this.#emit('DELETED', object);
  }

  bookmark(): void {
    this.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(++this.version) } } });
  }

  /** A line to every open watch. */
  send(event: unknown): void {
    this.sendText(`${JSON.stringify(event)}\n`);
  }

  sendText(text: string): void {
    for (const { response } of this.#watchers) response.write(text);
  }

  closeWatches(how: 'cleanly' | 'by reset'): void {
    for (const watcher of this.#watchers) {
      const { response } = watcher;
      this.#watchers.delete(watcher);
      if (how === 'cleanly') response.end();
      else response.socket?.resetAndDestroy();
    }
  }

  #emit(type: string, object: ServedObject): void {
    const text = `${JSON.stringify({ type, object })}\n`;
    this.#events.push({ version: this.version, text });
    this.sendText(text);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://test');
    if (this.missing.has(pathname))
      return answerStatus(404, 'the server could not find the requested resource')(request, response);
    if (searchParams.get('watch') === '1') {
      this.watches.push(searchParams);
      const answer = this.watchAnswers.shift() ?? ((_request, to) => this.watch(pathname, searchParams, to));
      answer(request, response);
    } else {
      this.lists.push(searchParams);
      const answer = this.listAnswers.shift() ?? ((_request, to) => this.list(searchParams, to));
      answer(request, response);
    }
  }

  list(query: URLSearchParams, response: ServerResponse): void {
    const all = [...this.objects.values()];
    const from = Number(query.get('continue') ?? 0);
    const to = from + Number(query.get('limit') ?? all.length);
    const metadata = { resourceVersion: String(this.version), ...(to < all.length ? { continue: String(to) } : {}) };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ kind: 'List', metadata, items: all.slice(from, to) }));
  }

  watch(path: string, query: URLSearchParams, response: ServerResponse): void {
    const watcher = { path, response };
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const from = Number(query.get('resourceVersion'));
    for (const { version, text } of this.#events) if (version > from) response.write(text);
  }
}

/** Answers with a Status object. */
export function answerStatus(code: number, message: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_request, response) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ kind: 'Status', code, message }));
  };
}
