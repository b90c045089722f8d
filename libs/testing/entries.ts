// Builders of snapshot entries for tests: what is not said is as plain as it can be.
import type {
  BackendEntry,
  Entry,
  HttpFilter,
  HttpMatch,
  HttpRuleEntry,
  ListenerEntry,
  RuleAction,
} from '#libs/snapshot/entry.ts';

/** A long time ago. */
export const longAgo = '2020-01-01T00:00:00Z';

/** A listener with its entry key; `http` on port 80 for any host. */
export function listenerEntry(entry: Partial<ListenerEntry> = {}): readonly [key: string, entry: ListenerEntry] {
  const name = entry.name ?? 'http';
  const defaults = { kind: 'listener', name, port: 80, protocol: 'HTTP', hostname: '*' } as const;
  return [`listener/${name}`, { ...defaults, certificates: [], createdAt: longAgo, ...entry }];
}

/** A backend of cluster `eu`, namespace `shop`, port 80, with its entry key. */
export function backendEntry(
  service: string,
  entry: Partial<BackendEntry> = {},
): readonly [key: string, entry: BackendEntry] {
  const { cluster = 'eu', namespace = 'shop', port = 80, protocol = 'http' } = entry;
  const path = `${cluster}/${namespace}/${service}/${port}`;
  return [
    `backend/${path}`,
    { kind: 'backend', cluster, namespace, service, port, protocol, endpoints: `endpoints/${path}` },
  ];
}

export interface RuleOptions {
  readonly name?: string;
  readonly index?: number;
  readonly kind?: 'HTTPRoute' | 'GRPCRoute';
  readonly createdAt?: string;
  /** Hostname, or listener and hostname; on listener `http` unless said. */
  readonly hosts?: readonly (string | readonly [listener: string, hostname: string])[];
  /** Path prefixes, or what differs from matching everything. */
  readonly matches?: readonly (string | Partial<HttpMatch>)[];
  readonly filters?: readonly HttpFilter[];
  /** Services of backendEntry, or an action. */
  readonly to?: string | RuleAction;
  readonly timeouts?: NonNullable<HttpRuleEntry['timeouts']>;
}

/** A rule of cluster `eu`, namespace `shop`, with its entry key. */
export function ruleEntry(options: RuleOptions = {}): readonly [key: string, entry: HttpRuleEntry] {
  const { name = 'route', index = 0, kind = 'HTTPRoute', createdAt = longAgo, to = 'web' } = options;
  const entry: HttpRuleEntry = {
    kind: 'http-rule',
    route: { kind, cluster: 'eu', namespace: 'shop', name, createdAt },
    index,
    hosts: (options.hosts ?? ['*']).map((host) =>
      typeof host === 'string' ? { listener: 'http', hostname: host } : { listener: host[0], hostname: host[1] },
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
  };
  return [`rule/${kind}/shop/${name}/${index}`, entry];
}

/** All to one service of backendEntry. */
export function forwardTo(service: string): RuleAction {
  return { type: 'forward', backends: [{ key: backendEntry(service)[0], weight: 1, filters: [] }] };
}

/** Entries by key. */
export function entriesOf(...entries: readonly (readonly [string, Entry])[]): ReadonlyMap<string, Entry> {
  return new Map(entries);
}
