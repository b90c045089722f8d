// Speaks HTTP with one Kubernetes API server. Address, TLS and credentials come from a KubeConfig (rotated tokens and
// certificates are honoured); undici keeps the connections alive. Answers are values whatever their status; only a
// broken transport throws.
import type { RequestOptions } from 'node:https';
import type { KubeConfig } from '@kubernetes/client-node';
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import { fail, messageOf } from '#libs/runtime/errors.ts';

/** Holds what the server answered. */
export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
  /** What the server says of a failure; '' for success. */
  readonly message: string;
  readonly retryAfterMs: number | null;
}

interface ApiStream {
  readonly status: number;
  readonly message: string;
  readonly retryAfterMs: number | null;
  /** Null unless the status is 200. */
  readonly chunks: AsyncIterable<Uint8Array> | null;
}

/** Says what the server is asked; a GET where no method is given. */
export interface ApiRequest {
  readonly method?: 'GET' | 'PATCH' | 'DELETE' | 'POST';
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly contentType?: string;
  /** Media type of the answer; JSON of the whole object where none is given. */
  readonly accept?: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/** Asks one API server until it is closed. */
export interface ApiClient {
  readonly server: string;
  /** Makes one request with a JSON answer. */
  call(request: ApiRequest): Promise<ApiAnswer>;
  /** Makes one request and gives the body as it comes, as of a watch. Ends with the signal. */
  stream(request: ApiRequest & { readonly signal: AbortSignal }): Promise<ApiStream>;
  /** Closes every connection at once. */
  close(): Promise<void>;
}

const answerBytesMax = 256 * 1024 * 1024;
const timeoutMsDefault = 30_000;
const connectTimeoutMs = 5000;

/** Opens a client for the current context. Throws FleetgateError 'kube-context' for what cannot be reached so. */
export function openApiClient(config: KubeConfig): ApiClient {
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw fail('kube-context', `the context ${config.getCurrentContext()} names no cluster`);
  if (cluster.proxyUrl?.startsWith('socks')) {
    throw fail('kube-context', 'a SOCKS proxy in the kubeconfig is not supported', {
      hint: 'Use an HTTP proxy in `proxy-url`, or run the agent inside the cluster.',
    });
  }
  const server = cluster.server.replace(/\/+$/, '');
  const transport = new Transport(config);
  const send = async (
    options: ApiRequest,
    signal: AbortSignal,
    bodyTimeout: number,
  ): Promise<Dispatcher.ResponseData> => {
    const { headers, dispatcher } = await transport.open();
    const query = new URLSearchParams(options.query).toString();
    return request(`${server}${options.path}${query === '' ? '' : `?${query}`}`, {
      dispatcher,
      method: options.method ?? 'GET',
      headers: {
        ...headers,
        accept: options.accept ?? 'application/json',
        'user-agent': 'fleetgate-agent',
        ...(options.contentType === undefined ? {} : { 'content-type': options.contentType }),
      },
      ...(options.body === undefined ? {} : { body: options.body }),
      signal,
      headersTimeout: options.timeoutMs ?? timeoutMsDefault,
      bodyTimeout,
    });
  };
  return {
    server,
    async call(options) {
      const timeoutMs = options.timeoutMs ?? timeoutMsDefault;
      const deadline = AbortSignal.timeout(timeoutMs);
      const signal = options.signal === undefined ? deadline : AbortSignal.any([options.signal, deadline]);
      const response = await send(options, signal, timeoutMs);
      const text = await readText(response.body);
      const body = parseBody(text);
      return { ...outcomeOf(response, text, body), body };
    },
    async stream(options) {
      const response = await send(options, options.signal, 0);
      if (response.statusCode === 200) return { ...outcomeOf(response, '', null), chunks: response.body };
      const text = await readText(response.body);
      return { ...outcomeOf(response, text, parseBody(text)), chunks: null };
    },
    close: () => transport.close(),
  };
}

/** Keeps the dispatcher of the newest credentials, which is made anew only when the TLS material changed. */
class Transport {
  readonly #config: KubeConfig;
  #dispatcher: Dispatcher | undefined;
  #material = '';

  constructor(config: KubeConfig) {
    this.#config = config;
  }

  async open(): Promise<{ readonly headers: Record<string, string>; readonly dispatcher: Dispatcher }> {
    const options: RequestOptions = {};
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (error) {
      throw fail('kube-unreachable', `its credentials cannot be got: ${messageOf(error)}`, { cause: error });
    }
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = String(value);
    if (typeof options.auth === 'string' && headers['authorization'] === undefined) {
      headers['authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
    }
    const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
    const material = JSON.stringify([ca, cert, key, pfx, passphrase, rejectUnauthorized, servername].map(String));
    if (this.#dispatcher === undefined || material !== this.#material) {
      const old = this.#dispatcher;
      this.#dispatcher = makeDispatcher(this.#config, options);
      this.#material = material;
      // Watches under way end with their own timeout.
      void old?.close();
    }
    return { headers, dispatcher: this.#dispatcher };
  }

  async close(): Promise<void> {
    await this.#dispatcher?.destroy();
  }
}

function makeDispatcher(config: KubeConfig, options: RequestOptions): Dispatcher {
  const { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername } = options;
  const given = { ca, cert, key, pfx, passphrase, rejectUnauthorized, servername };
  const tls = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const chosen = config.createDispatcherOptions(config.getCurrentCluster(), tls);
  const connect = { timeout: connectTimeoutMs, keepAlive: true, keepAliveInitialDelay: 15_000, ...tls };
  return chosen.type === 'proxy'
    ? new ProxyAgent({ uri: chosen.uri, requestTls: connect, connect: { keepAlive: true }, allowH2: false })
    : new Agent({ connect, allowH2: false });
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > answerBytesMax) throw new RangeError(`an answer has more than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseBody(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function outcomeOf(
  response: Dispatcher.ResponseData,
  text: string,
  body: unknown,
): { readonly status: number; readonly message: string; readonly retryAfterMs: number | null } {
  const status = response.statusCode;
  const said = typeof body === 'object' && body !== null && 'message' in body ? body.message : undefined;
  const message = status < 400 ? '' : typeof said === 'string' ? said : text.trim().slice(0, 200) || `HTTP ${status}`;
  const seconds = Number(response.headers['retry-after'] ?? Number.NaN);
  return { status, message, retryAfterMs: Number.isFinite(seconds) ? Math.min(seconds, 60) * 1000 : null };
}
