// Serves one gateway for streams by a real Envoy from what the compiler makes: entries in, connections through.
import { readFileSync } from 'node:fs';
import type { Entry, ListenerEntry } from '#libs/snapshot/entry.ts';
import { XdsCompiler } from '#libs/xds/compiler.ts';
import { backendEntry, listenerEntry } from '#libs/testing/given/entries.ts';
import type { Teardown } from './throwaway.ts';
import { type ThrowawayEnvoy, throwawayEnvoy } from './throwaway-envoy.ts';
import { toAuthorityKey, toTlsKey } from '#libs/snapshot/discovery-key.ts';

/** Where the certificates and authorities of the tests are. */
const infra = { cluster: 'eu', namespace: 'infra' };

type Keyed = readonly [key: string, entry: Entry];

interface Assertions {
  strictSame(actual: unknown, expected: unknown, message: string): unknown;
}

class StreamGateway {
  readonly envoy: ThrowawayEnvoy;
  readonly compiler = new XdsCompiler({ bindAddress: '127.0.0.1', portOffset: 0 });
  readonly #served = new Map<string, ReadonlyMap<string, Entry>>();

  constructor(envoy: ThrowawayEnvoy) {
    this.envoy = envoy;
  }

  /** Serves these entries and nothing else of this gateway. Envoy must take all of it. */
  async serve(test: Assertions, ...entries: readonly Keyed[]): Promise<void> {
    await this.serveAs('eu/infra/gateway', test, ...entries);
  }

  async serveAs(gateway: string, test: Assertions, ...entries: readonly Keyed[]): Promise<void> {
    const all = new Map(entries);
    const before = [...(this.#served.get(gateway)?.keys() ?? [])];
    this.compiler.setSnapshot(
      gateway,
      all,
      before.filter((key) => !all.has(key)),
    );
    this.#served.set(gateway, all);
    await this.push(test);
  }

  /** Sets the endpoints of a service of backendEntry, as `<name>` or `<name>/udp`. */
  setEndpoints(service: string, ...ports: readonly number[]): void {
    const [name = '', transport] = service.split('/');
    const [, { endpoints: key }] = backendEntry(name, transport === 'udp' ? { protocol: 'udp' } : {});
    const endpoints = ports.map((port) => ({ address: '127.0.0.1', port }));
    this.compiler.setDiscovery([{ key, item: { kind: 'endpoints', endpoints } }], []);
  }

  /** Sets a certificate of libs/xds/testdata/tls as `tls/eu/infra/<name>`. */
  setCertificate(name: string, from = name): void {
    const item = { kind: 'tls', certificate: tlsFile(`${from}.crt`), key: tlsFile(`${from}.key`) } as const;
    this.compiler.setDiscovery([{ key: certificateKey(name), item }], []);
  }

  /** Sets a bundle as `ca/eu/ConfigMap/infra/<name>`. */
  setAuthority(name: string, certificates: string): void {
    this.compiler.setDiscovery(
      [{ key: toAuthorityKey({ ...infra, kind: 'ConfigMap', name }), item: { kind: 'ca', certificates } }],
      [],
    );
  }

  /** Brings what changed into Envoy, which must take it. */
  async push(test: Assertions): Promise<void> {
    test.strictSame(await this.envoy.push(this.compiler.flush()), [], 'Envoy takes all of it');
  }

  problems(): readonly string[] {
    return this.compiler
      .problems()
      .map(({ key, reason }) => `${key}: ${reason}`)
      .toSorted();
  }
}

/** Starts it; all is gone with the test. */
export async function startStreamGateway(test: Teardown): Promise<StreamGateway> {
  return new StreamGateway(await throwawayEnvoy(test));
}

/** Gives a listener of protocol TLS; it terminates when it has certificates (names of setCertificate). */
export function tlsListener(
  name: string,
  port: number,
  hostname: string,
  certificates: readonly string[] = [],
  more: Partial<ListenerEntry> = {},
): readonly [string, ListenerEntry] {
  return listenerEntry({
    name,
    port,
    hostname,
    protocol: 'TLS',
    tlsMode: certificates.length === 0 ? 'Passthrough' : 'Terminate',
    certificates: certificates.map(certificateKey),
    ...more,
  });
}

function certificateKey(name: string): string {
  return toTlsKey({ ...infra, name });
}

/** Gives a file of libs/xds/testdata/tls. */
export function tlsFile(name: string): string {
  return readFileSync(new URL(`../../xds/testdata/tls/${name}`, import.meta.url), 'utf8');
}
