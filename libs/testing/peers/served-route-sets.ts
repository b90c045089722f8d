// Serves random route sets by a real Envoy from what the compiler makes, with a backend for every service, and asks it
// what clients ask.
import { clientAuthorities, certificateKey, type RoutePorts } from '#libs/testing/given/random-listeners.ts';
import { backendAuthorities, type ServiceName, serviceNames, services } from '#libs/testing/given/random-backends.ts';
import { gatewayNames, type RouteSet } from '#libs/testing/given/route-sets.ts';
import { backendEntry } from '#libs/testing/given/entries.ts';
import type { HttpRequest } from '#libs/matching/request.ts';
import type { ClientTls } from '#libs/matching/client-tls.ts';
import type { StreamConnection } from '#libs/matching/stream.ts';
import { XdsCompiler } from '#libs/xds/compiler.ts';
import { freePort, startBackend } from './http-peers.ts';
import { askAllHttp2 } from './http2-connections.ts';
import { askAll, type AskTarget, type KeptAnswer } from './kept-connections.ts';
import { tlsFile } from './stream-gateway.ts';
import { openDatagrams, openStream, startDatagramBackend, startStreamBackend } from './stream-peers.ts';
import type { Teardown } from './throwaway.ts';
import { type ThrowawayEnvoy, throwawayEnvoy } from './throwaway-envoy.ts';
import { startTlsBackend } from './tls-backend.ts';

type RequestAnswer = KeptAnswer | 'closed' | 'reset';

class ServedRouteSets {
  readonly ports: RoutePorts;
  readonly #envoy: ThrowawayEnvoy;
  readonly #compiler: XdsCompiler;
  #served: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(envoy: ThrowawayEnvoy, compiler: XdsCompiler, ports: RoutePorts) {
    this.#envoy = envoy;
    this.#compiler = compiler;
    this.ports = ports;
  }

  /** Serves a set in place of the one before. Envoy must take all of it. */
  async serve({ gateways }: RouteSet): Promise<void> {
    const now = new Map(gateways.map(({ gateway, entries }) => [gateway, entries]));
    for (const gateway of gatewayNames) {
      const entries = now.get(gateway) ?? new Map();
      const gone = (this.#served.get(gateway) ?? []).filter((key) => !entries.has(key));
      this.#compiler.setSnapshot(gateway, entries, gone);
    }
    this.#served = new Map([...now].map(([gateway, entries]) => [gateway, [...entries.keys()]]));
    const refused = await this.#envoy.push(this.#compiler.flush());
    if (refused.length > 0) throw new Error(`Envoy refuses: ${refused.join('; ')}`);
  }

  /** Lets a service be found that a set names beside the usual ones. */
  reach(service: string, port: number): void {
    const [, { endpoints: key }] = backendEntry(service);
    this.#compiler.setDiscovery(
      [{ key, item: { kind: 'endpoints', endpoints: [{ address: '127.0.0.1', port }] } }],
      [],
    );
  }

  /** Gives the answers in the order of the requests; those that can share a connection do. */
  async askRequests(requests: readonly HttpRequest[]): Promise<readonly RequestAnswer[]> {
    const answers = new Map<HttpRequest, RequestAnswer>();
    const groups = Map.groupBy(requests, ({ port, tls, version }) => JSON.stringify([port, tls, version]));
    await Promise.all(
      [...groups.values()].map(async (group) => {
        const [first] = group;
        if (first === undefined) return;
        const ask = first.version === '2' ? askAllHttp2 : askAll;
        for (const [index, answer] of (await ask(toTarget(first), group)).entries()) {
          const request = group[index];
          if (request !== undefined) answers.set(request, answer);
        }
      }),
    );
    return requests.map((request) => answers.get(request) ?? 'closed');
  }

  /**
   * Connects, says `hello`, and gives the answers in order, as `expectedAnswers` has them. A datagram may be lost or
   * late: where an answer is awaited it is sent again.
   */
  async askConnections(
    connections: readonly StreamConnection[],
    isAwaited: (connection: StreamConnection) => boolean,
  ): Promise<readonly string[]> {
    const answers: string[] = [];
    const queue = connections.entries();
    const work = async (): Promise<void> => {
      for (const [index, connection] of queue) {
        for (let tries = isAwaited(connection) ? datagramsMax : 1; tries > 0; tries--) {
          answers[index] = await hello(connection);
          if (connection.transport === 'tcp' || answers[index] !== 'nothing') break;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(8, connections.length) }, work));
    return answers;
  }
}

/** Starts it; all is gone with the test. */
export async function startServedRouteSets(test: Teardown): Promise<ServedRouteSets> {
  const compiler = new XdsCompiler({ bindAddress: '127.0.0.1', portOffset: 0 });
  const envoy = await throwawayEnvoy(test);
  const bundles = [
    [backendAuthorities[0], 'backend-ca'],
    [backendAuthorities[1], 'other-ca'],
    [clientAuthorities[0], 'client-ca'],
    [clientAuthorities[1], 'other-ca'],
  ] as const;
  compiler.setDiscovery(
    [
      {
        key: certificateKey,
        item: { kind: 'tls', certificate: tlsFile('exact.crt'), key: tlsFile('exact.key') },
      },
      ...bundles.map(([key, file]) => ({
        key,
        item: { kind: 'ca', certificates: tlsFile(`${file}.crt`) } as const,
      })),
    ],
    [],
  );
  await Promise.all(
    serviceNames.map(async (name) => {
      const { port } = await startService(test, name);
      const [, { endpoints: key }] = backendEntry(name, { protocol: services[name].protocol });
      const endpoints = [{ address: '127.0.0.1', port }];
      compiler.setDiscovery([{ key, item: { kind: 'endpoints', endpoints } }], []);
    }),
  );
  const ports = { plain: [await freePort(), await freePort()], secure: await freePort(), stream: await freePort() };
  return new ServedRouteSets(envoy, compiler, ports);
}

function startService(test: Teardown, name: ServiceName): Promise<{ readonly port: number }> {
  const certificate = { cert: tlsFile('backend.crt'), key: tlsFile('backend.key') };
  if (name === 'datagram') return startDatagramBackend(test, name);
  if (name === 'stream') return startStreamBackend(test, name);
  if (name === 'tls-stream') return startStreamBackend(test, name, certificate);
  const { protocol, speaksTls } = services[name];
  const version = protocol === 'h2c' ? 'http2' : 'http1';
  return speaksTls ? startTlsBackend(test, name, version) : startBackend(test, name, { protocol: version });
}

/** What clients show, by who signed it. */
const clientFiles: ReadonlyMap<string, string> = new Map([
  [clientAuthorities[0], 'client'],
  [clientAuthorities[1], 'other-client'],
]);

function toTarget({ port, tls }: HttpRequest): AskTarget {
  if (tls === undefined) return { port };
  const certificate = shown(tls);
  return { port, serverName: tls.serverName ?? '', ...(certificate === undefined ? {} : { certificate }) };
}

function shown({ certificate }: ClientTls): AskTarget['certificate'] {
  const [authority] = certificate?.signedBy ?? [];
  const name = authority === undefined ? undefined : clientFiles.get(authority);
  return name === undefined ? undefined : { cert: tlsFile(`${name}.crt`), key: tlsFile(`${name}.key`) };
}

const datagramsMax = 10;
/** Ends lines, so that whoever speaks HTTP refuses it at once. */
const text = 'hello\r\n\r\n';

/** A record's type and the first byte of its version. */
const tlsAlert = '\u0015\u0003';

async function hello({ port, transport, tls }: StreamConnection): Promise<string> {
  if (transport === 'udp') {
    const client = openDatagrams(port);
    const answer = await client.say(text);
    client.close();
    return answer.trim();
  }
  const names = tls?.serverName === undefined ? {} : { servername: tls.serverName };
  const stream = await openStream(port, tls === undefined ? undefined : { ...names, ...shown(tls) });
  const answer = (await stream?.say(text)) ?? 'closed';
  stream?.close();
  if (answer.startsWith('HTTP/1.1 400')) return 'http';
  return answer === 'closed' || answer.startsWith(tlsAlert) ? 'nothing' : answer.trim();
}
