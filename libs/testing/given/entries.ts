// Builds snapshot entries for tests: what is not said is as plain as it can be.
import type {
  BackendEntry,
  Entry,
  HttpFilter,
  HttpRuleEntry,
  ListenerEntry,
  RuleAction,
  StreamRuleEntry,
} from '#libs/snapshot/entry.ts';
import type { HttpMatch } from '#libs/gateway/objects/http-match.ts';
import { toBackendKey, toListenerKey, toRuleKey } from '#libs/snapshot/entry-key.ts';
import { toEndpointsKey } from '#libs/snapshot/discovery-key.ts';
import { type ServicePortName } from '#libs/snapshot/service-port.ts';

/** A long time ago. */
export const longAgo = '2020-01-01T00:00:00Z';

/** Gives a listener with its entry key; `http` on port 80 for any host. */
export function listenerEntry(entry: Partial<ListenerEntry> = {}): readonly [key: string, entry: ListenerEntry] {
  const name = entry.name ?? 'http';
  const defaults = { kind: 'listener', name, port: 80, protocol: 'HTTP', hostname: '*' } as const;
  return [toListenerKey(name), { ...defaults, certificates: [], createdAt: longAgo, ...entry }];
}

/** Gives a backend of cluster `eu`, namespace `shop`, port 80, with its entry key. */
export function backendEntry(
  service: string,
  entry: Partial<BackendEntry> = {},
): readonly [key: string, entry: BackendEntry] {
  const { cluster = 'eu', namespace = 'shop', port = 80, protocol = 'http', tls, clientCertificate } = entry;
  const transport = protocol === 'udp' ? 'udp' : 'tcp';
  const servicePort: ServicePortName = { cluster, namespace, service, port, transport };
  return [
    toBackendKey(servicePort),
    {
      kind: 'backend',
      cluster,
      namespace,
      service,
      port,
      protocol,
      endpoints: toEndpointsKey(servicePort),
      ...(tls === undefined ? {} : { tls }),
      ...(clientCertificate === undefined ? {} : { clientCertificate }),
    },
  ];
}

export interface RuleOptions {
  readonly name?: string;
  readonly index?: number;
  readonly kind?: 'HTTPRoute' | 'GRPCRoute';
  readonly createdAt?: string;
  /** Hostname, or listener, hostname and that of the route; on listener `http` unless said. */
  readonly hosts?: readonly (string | readonly [listener: string, hostname: string, original?: string])[];
  /** Path prefixes, or what differs from matching everything. */
  readonly matches?: readonly (string | Partial<HttpMatch>)[];
  readonly filters?: readonly HttpFilter[];
  /** Services of backendEntry, or an action. */
  readonly to?: string | RuleAction;
  readonly timeouts?: NonNullable<HttpRuleEntry['timeouts']>;
  readonly retry?: NonNullable<HttpRuleEntry['retry']>;
}

/** Gives a rule of cluster `eu`, namespace `shop`, with its entry key. */
export function ruleEntry(options: RuleOptions = {}): readonly [key: string, entry: HttpRuleEntry] {
  const { name = 'route', index = 0, kind = 'HTTPRoute', createdAt = longAgo, to = 'web' } = options;
  const entry: HttpRuleEntry = {
    kind: 'http-rule',
    route: { kind, cluster: 'eu', namespace: 'shop', name, createdAt },
    index,
    hosts: (options.hosts ?? ['*']).map((host) =>
      typeof host === 'string' ? { listener: 'http', hostname: host } : toHost(...host),
    ),
    matches: (options.matches ?? ['/']).map((match) => ({
      path: { type: 'PathPrefix', value: typeof match === 'string' ? match : '/' },
      headers: [],
      query: [],
      ...(typeof match === 'string' ? {} : match),
    })),
    filters: options.filters ?? [],
    action: typeof to === 'string' ? forwardTo(to) : to,
    ...(options.timeouts === undefined ? {} : { timeouts: options.timeouts }),
    ...(options.retry === undefined ? {} : { retry: options.retry }),
    ...(kind === 'GRPCRoute' ? { protocol: 'grpc' } : {}),
  };
  return [toRuleKey(entry.route, index), entry];
}

export interface StreamRuleOptions {
  readonly name?: string;
  readonly index?: number;
  readonly kind?: 'TLSRoute' | 'TCPRoute' | 'UDPRoute';
  readonly createdAt?: string;
  /** Listener, or listener, hostname and that of the route. */
  readonly hosts: readonly (string | readonly [listener: string, hostname: string, original?: string])[];
  /** Services of backendEntry with their weights; `!` and a reason = invalid. */
  readonly to?: Readonly<Record<string, number>>;
}

/** Gives a rule for streams of cluster `eu`, namespace `shop`, with its entry key. */
export function streamRuleEntry(options: StreamRuleOptions): readonly [key: string, entry: StreamRuleEntry] {
  const { name = 'stream', index = 0, kind = 'TCPRoute', createdAt = longAgo, hosts, to = { web: 1 } } = options;
  const protocol = kind === 'UDPRoute' ? 'udp' : 'http';
  const entry: StreamRuleEntry = {
    kind: 'stream-rule',
    route: { kind, cluster: 'eu', namespace: 'shop', name, createdAt },
    index,
    hosts: hosts.map((host) => (typeof host === 'string' ? { listener: host, hostname: '*' } : toHost(...host))),
    backends: Object.entries(to).map(([service, weight]) =>
      service.startsWith('!')
        ? { invalid: service.slice(1), weight }
        : { key: backendEntry(service, { protocol })[0], weight },
    ),
  };
  return [toRuleKey(entry.route, index), entry];
}

function toHost(listener: string, hostname: string, original?: string): HttpRuleEntry['hosts'][number] {
  return { listener, hostname, ...(original === undefined ? {} : { original }) };
}

/** Forwards all to one service of backendEntry. */
function forwardTo(service: string): RuleAction {
  return { type: 'forward', backends: [{ key: backendEntry(service)[0], weight: 1, filters: [] }] };
}

/** Gives the entries by key. */
export function entriesOf(...entries: readonly (readonly [string, Entry])[]): ReadonlyMap<string, Entry> {
  return new Map(entries);
}
