// Serves a gateway by a real Envoy beside services that it may ask for consent: one over HTTP, one over gRPC. They say
// what the client tells them to: `x-say: 403`, where they see that header.
import type { Entry, ExternalAuth, ListenerEntry } from '#libs/snapshot/entry.ts';
import { backendEntry, listenerEntry, ruleEntry, type RuleOptions } from '#libs/testing/given/entries.ts';
import { type AskedRequest, type AuthService, type Decision, startGrpcAuth, startHttpAuth } from './auth-service.ts';
import { startServedGateway } from './served-gateway.ts';
import type { Teardown } from './throwaway.ts';

type Served = Awaited<ReturnType<typeof startServedGateway>>;
type Assertions = Parameters<Served['serve']>[0];
type Keyed = readonly [key: string, entry: Entry];

class AskedGateway {
  readonly gateway: Served;
  readonly services: Readonly<Record<ExternalAuth['protocol'], AuthService>>;
  /** What the services decide; a test may change it. */
  decide: (request: AskedRequest) => Decision | Promise<Decision>;

  constructor(gateway: Served, services: AskedGateway['services'], decide: AskedGateway['decide']) {
    this.gateway = gateway;
    this.services = services;
    this.decide = decide;
  }

  /** Serves rules with all services and, beside them, one that refuses connections and one without endpoints. */
  async serve(test: Assertions, ...rules: readonly RuleOptions[]): Promise<void> {
    await this.serveEntries(test, ...rules.map((rule) => ruleEntry(rule)));
  }

  /** Serves the same behind filters of the listener. */
  async serveBehind(
    test: Assertions,
    listener: Partial<ListenerEntry> & Pick<ListenerEntry, 'filters'>,
    ...rules: readonly RuleOptions[]
  ): Promise<void> {
    const entry = listenerEntry({ port: this.gateway.port, ...listener });
    await this.serveEntries(test, entry, ...rules.map((rule) => ruleEntry(rule)));
  }

  async serveEntries(test: Assertions, ...entries: readonly Keyed[]): Promise<void> {
    const backends = ['auth-http', 'auth-grpc', 'auth-gone', 'auth-none'].map((name) => backendEntry(name));
    for (const protocol of ['http', 'grpc'] as const)
      this.gateway.setEndpoints(`auth-${protocol}`, [{ address: '127.0.0.1', port: this.services[protocol].port }]);
    this.gateway.setEndpoints('auth-gone', [{ address: '127.0.0.1', port: 1 }]);
    await this.gateway.serve(test, ...backends, ...entries);
  }
}

/** Starts it; all is gone with the test. */
export async function startAskedGateway(test: Teardown): Promise<AskedGateway> {
  let started: AskedGateway | undefined;
  const decide = (request: AskedRequest): Decision | Promise<Decision> => (started?.decide ?? asTold)(request);
  const services = { http: await startHttpAuth(test, decide), grpc: await startGrpcAuth(test, decide) };
  started = new AskedGateway(await startServedGateway(test), services, asTold);
  return started;
}

/** Decides what the client tells it to; without a word it consents. */
export function asTold({ headers }: AskedRequest): Decision {
  const status = Number(headers['x-say'] ?? 200);
  return status === 200 ? { status, headers: { 'x-user': 'ada' } } : { status, headers: { 'x-why': 'no' }, body: 'no' };
}

/** Gives a filter that asks one of the services, which sees `x-say`. */
export function external(protocol: ExternalAuth['protocol'], more: Partial<ExternalAuth> = {}): ExternalAuth {
  const allowedHeaders = protocol === 'http' ? ['x-say'] : [];
  const backend = { key: backendEntry(`auth-${protocol}`)[0] };
  return { type: 'external-auth', protocol, backend, allowedHeaders, bodyMax: 0, ...more };
}

/** Gives the headers by which a client tells the services what to say. */
export function says(status: number): readonly (readonly [name: string, value: string])[] {
  return [['X-Say', `${status}`]];
}
