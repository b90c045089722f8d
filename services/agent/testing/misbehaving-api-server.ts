// Lists and watches for tests as a Kubernetes API server does, and misbehaves where a test says so.
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { Socket } from 'node:net';
import { KubeConfig } from '@kubernetes/client-node';
import { type ApiClient, openApiClient } from '../kubernetes/api-client.ts';

interface ServedObject {
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
  readonly field: string | null;
  readonly response: ServerResponse;
}

const things = '/apis/g/v1/things';

/** Serves a collection at every path; answers queued in `listAnswers` and `watchAnswers` are used first, each once. */
export class MisbehavingApiServer {
  readonly objects = new Map<string, ServedObject>();
  readonly listAnswers: Answer[] = [];
  readonly watchAnswers: Answer[] = [];
  /** Queries of all requests so far. */
  readonly lists: URLSearchParams[] = [];
  readonly watches: URLSearchParams[] = [];
  /** Paths that are answered by a document. */
  readonly documents = new Map<string, unknown>();
  /** Bodies of all PATCH requests so far; answered from `patchAnswers`, else by 404. */
  readonly patches: { readonly path: string; readonly contentType: string | undefined; readonly body: unknown }[] = [];
  readonly patchAnswers: Answer[] = [];
  /** Whether patches without a queued answer are carried out, as whole objects, and deletions. */
  takesApplies = false;
  /** Paths of all DELETE requests so far. */
  readonly deletes: string[] = [];
  /** Paths that are answered by a status. */
  readonly failing = new Map<string, number>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #watchers = new Set<Watcher>();
  readonly #events: {
    readonly version: number;
    readonly path: string;
    readonly name: string;
    readonly text: string;
  }[] = [];
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
  put(name: string, spec: unknown, how: 'watched' | 'silently' = 'watched', path = things): ServedObject {
    const before = this.objects.get(`${path}/${name}`);
    const object = {
      metadata: {
        name,
        namespace: before?.metadata.namespace ?? 'ns',
        uid: before?.metadata.uid ?? `uid-${this.#serial++}`,
        resourceVersion: String(++this.version),
        creationTimestamp: '2026-01-01T00:00:00Z',
      },
      spec,
    };
    this.objects.set(`${path}/${name}`, object);
    if (how === 'watched') this.#emit(before === undefined ? 'ADDED' : 'MODIFIED', object, path);
    return object;
  }

  /** What is stored reads differently from now on, with no event, as after a change of the schema. */
  reread(name: string, spec: unknown, path = things): void {
    const before = this.objects.get(`${path}/${name}`);
    if (before === undefined) throw new RangeError(name);
    this.objects.set(`${path}/${name}`, { ...before, spec });
  }

  remove(name: string, how: 'watched' | 'silently' = 'watched', path = things): void {
    const before = this.objects.get(`${path}/${name}`);
    if (before === undefined) throw new RangeError(name);
    this.objects.delete(`${path}/${name}`);
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(++this.version) } };
    if (how === 'watched') this.#emit('DELETED', object, path);
  }

  bookmark(): void {
    this.send({ type: 'BOOKMARK', object: { metadata: { resourceVersion: String(++this.version) } } });
  }

  /** Sends a line to every open watch. */
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

  #emit(type: string, object: ServedObject, path: string): void {
    const text = `${JSON.stringify({ type, object })}\n`;
    const { name } = object.metadata;
    this.#events.push({ version: this.version, path, name, text });
    for (const watcher of this.#watchers) if (isFor(watcher, path, name)) watcher.response.write(text);
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://test');
    const code = this.failing.get(pathname);
    if (code !== undefined) return answerStatus(code, `failing with ${code}`)(request, response);
    const document = this.documents.get(pathname);
    if (request.method === 'PATCH') {
      void readBody(request).then((body) => {
        this.patches.push({ path: pathname, contentType: request.headers['content-type'], body });
        const answer = this.patchAnswers.shift();
        if (answer === undefined && this.takesApplies) this.#apply(pathname, body, response);
        else (answer ?? answerStatus(404, 'not found'))(request, response);
      });
    } else if (request.method === 'DELETE') {
      this.deletes.push(pathname);
      const { path, name } = clusterWide(pathname);
      if (this.takesApplies && this.objects.has(`${path}/${name}`)) this.remove(name, 'watched', path);
      answerObject(200, { kind: 'Status', status: 'Success' })(request, response);
    } else if (document !== undefined) {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(document));
    } else if (searchParams.get('watch') === '1') {
      this.watches.push(searchParams);
      const answer = this.watchAnswers.shift() ?? ((_request, to) => this.watch(pathname, searchParams, to));
      answer(request, response);
    } else {
      this.lists.push(searchParams);
      const answer = this.listAnswers.shift() ?? ((_request, to) => this.list(searchParams, to, pathname));
      answer(request, response);
    }
  }

  /** Applies an object whole; the same again changes nothing. */
  #apply(pathname: string, body: unknown, response: ServerResponse): void {
    const { path, name } = clusterWide(pathname);
    const key = `${path}/${name}`;
    const before = this.objects.get(key);
    const object = appliedObject(body, before, {
      uid: `uid-${this.#serial}`,
      resourceVersion: String(this.version + 1),
    });
    if (object !== before) {
      this.objects.set(key, object);
      this.version += 1;
      this.#serial += 1;
      this.#emit(before === undefined ? 'ADDED' : 'MODIFIED', object, path);
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(object));
  }

  list(query: URLSearchParams, response: ServerResponse, path = things): void {
    const field = query.get('fieldSelector');
    const all = [...this.objects]
      .filter(([key, { metadata }]) => isFor({ path, field }, key.slice(0, key.lastIndexOf('/')), metadata.name))
      .map(([, object]) => object);
    const from = Number(query.get('continue') ?? 0);
    const to = from + Number(query.get('limit') ?? all.length);
    const metadata = { resourceVersion: String(this.version), ...(to < all.length ? { continue: String(to) } : {}) };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ kind: 'List', metadata, items: all.slice(from, to) }));
  }

  watch(path: string, query: URLSearchParams, response: ServerResponse): void {
    const watcher = { path, field: query.get('fieldSelector'), response };
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const from = Number(query.get('resourceVersion'));
    for (const event of this.#events) {
      if (event.version > from && isFor(watcher, event.path, event.name)) response.write(event.text);
    }
  }
}

function isFor({ path, field }: Pick<Watcher, 'path' | 'field'>, objectPath: string, name: string): boolean {
  return path === objectPath && (field === null || field === `metadata.name=${name}`);
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return JSON.parse(text);
}

/** Gives the collection of all namespaces that an object's path is in. */
function clusterWide(pathname: string): { readonly path: string; readonly name: string } {
  const at = pathname.lastIndexOf('/');
  return { path: pathname.slice(0, at).replace(/\/namespaces\/[^/]+/, ''), name: pathname.slice(at + 1) };
}

/** Says what becomes of an applied object: `before` itself when nothing changed. */
function appliedObject(
  body: unknown,
  before: ServedObject | undefined,
  next: { readonly uid: string; readonly resourceVersion: string },
): ServedObject {
  const given: Partial<ServedObject> = typeof body === 'object' && body !== null ? body : {};
  const metadata = {
    name: '',
    namespace: '',
    ...given.metadata,
    uid: before?.metadata.uid ?? next.uid,
    resourceVersion: before?.metadata.resourceVersion ?? next.resourceVersion,
    creationTimestamp: '2026-01-01T00:00:00Z',
  };
  const object = { spec: null, ...given, metadata };
  if (before !== undefined && JSON.stringify(object) === JSON.stringify(before)) return before;
  return { ...object, metadata: { ...metadata, resourceVersion: next.resourceVersion } };
}

/** Answers with an object. */
export function answerObject(code: number, object: unknown): Answer {
  return (_request, response) => {
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify(object));
  };
}

/** Answers with a Status object. */
export function answerStatus(code: number, message: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return (_request, response) => {
    response.writeHead(code, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify({ kind: 'Status', code, message }));
  };
}
