// Serves one gateway by a real Envoy from what the compiler makes: an HTTP listener on a free port, and backends that
// echo.
import type { Entry } from '#libs/snapshot/entry.ts';
import { XdsCompiler, type XdsOptions } from '#libs/xds/compiler.ts';
import { backendEntry, listenerEntry } from '#libs/testing/given/entries.ts';
import { type Answer, ask, type Ask, type Backend, freePort, startBackend } from './http-peers.ts';
import type { Teardown } from './throwaway.ts';
import { type ThrowawayEnvoy, throwawayEnvoy } from './throwaway-envoy.ts';

type Keyed = readonly [key: string, entry: Entry];

interface Assertions {
  strictSame(actual: unknown, expected: unknown, message: string): unknown;
}

class ServedGateway {
  static readonly id = 'eu/infra/gateway';
  readonly envoy: ThrowawayEnvoy;
  readonly compiler: XdsCompiler;
  /** Of the listener `http`. */
  readonly port: number;
  readonly backends: ReadonlyMap<string, Backend>;
  #served: ReadonlyMap<string, Entry> = new Map();

  constructor(
    envoy: ThrowawayEnvoy,
    port: number,
    backends: ReadonlyMap<string, Backend>,
    options: Partial<XdsOptions>,
  ) {
    this.envoy = envoy;
    this.port = port;
    this.backends = backends;
    this.compiler = new XdsCompiler({ bindAddress: '127.0.0.1', portOffset: 0, ...options });
  }

  /** Serves these entries, the backends and the listener, and nothing else. Envoy must take all of it. */
  async serve(test: Assertions, ...entries: readonly Keyed[]): Promise<void> {
    const services = [...this.backends.keys()].map((name) =>
      backendEntry(name, name === 'grpc' ? { protocol: 'h2c' } : {}),
    );
    const all = new Map<string, Entry>([listenerEntry({ port: this.port }), ...services, ...entries]);
    this.compiler.setSnapshot(
      ServedGateway.id,
      all,
      [...this.#served.keys()].filter((key) => !all.has(key)),
    );
    this.#served = all;
    for (const [name, { port }] of this.backends) this.setEndpoints(name, [{ address: '127.0.0.1', port }]);
    await this.push(test);
  }

  setEndpoints(service: string, endpoints: readonly { readonly address: string; readonly port: number }[]): void {
    const [, { endpoints: key }] = backendEntry(service);
    this.compiler.setDiscovery([{ key, item: { kind: 'endpoints', endpoints } }], []);
  }

  /** Brings what changed into Envoy, which must take it. */
  async push(test: Assertions): Promise<void> {
    test.strictSame(await this.envoy.push(this.compiler.flush()), [], 'Envoy takes all of it');
  }

  ask(options: Ask): Promise<Answer> {
    return ask(this.port, options);
  }

  /** Says who answers a.example.com, or the status. */
  async asked(options: Ask): Promise<string> {
    return answerer(await this.ask({ host: 'a.example.com', ...options }));
  }
}

/** Starts it; all is gone with the test. */
export async function startServedGateway(test: Teardown, options: Partial<XdsOptions> = {}): Promise<ServedGateway> {
  const backends = new Map<string, Backend>();
  for (const name of ['web', 'api', 'mirror']) backends.set(name, await startBackend(test, name));
  backends.set('slow', await startBackend(test, 'slow', { delayMs: 400 }));
  backends.set('grpc', await startBackend(test, 'grpc', { protocol: 'http2' }));
  return new ServedGateway(await throwawayEnvoy(test), await freePort(), backends, options);
}

/** Gives the backend that answered, or the status. */
export function answerer({ status, echo }: Answer): string {
  return echo?.backend ?? `${status}`;
}
