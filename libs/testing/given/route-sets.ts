// Makes random route sets for tests: gateways that share ports, with listeners and rules of every kind. Alphabets are
// small, so that things meet.
import * as fc from 'fast-check';
import { intersectHostnames } from '#libs/gateway/hostname.ts';
import type { Entry, HttpRuleEntry, ListenerEntry, ListenerProtocol, StreamRuleEntry } from '#libs/snapshot/entry.ts';
import { listenerEntry, ruleEntry, streamRuleEntry } from './entries.ts';
import { action, filters } from './random-actions.ts';
import { backendEntries } from './random-backends.ts';
import { hostnames, type ListenerChoice, listenerChoice, type RoutePorts } from './random-listeners.ts';
import { grpcMatch, httpMatch } from './random-matches.ts';
import { pick, rarely } from './random-picks.ts';
import { toRuleKey } from '#libs/snapshot/entry-key.ts';

export interface RouteSet {
  readonly gateways: readonly {
    readonly gateway: string;
    readonly entries: ReadonlyMap<string, Entry>;
  }[];
}

export const gatewayNames = ['eu/infra/one', 'us/infra/two'] as const;

const dates = ['2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z', '2022-01-01T00:00:00Z'];

/** Listeners by number, and hostnames. */
type Wanted = readonly (readonly [number, string])[];
type Unattached<Rule extends HttpRuleEntry | StreamRuleEntry> = Omit<Rule, 'hosts'> & { readonly hosts: Wanted };

const hosts = fc.array(fc.tuple(fc.nat(20), pick(...hostnames)), { minLength: 1, maxLength: 3 });

function rule(index: number): fc.Arbitrary<Unattached<HttpRuleEntry>> {
  const isGrpc = index % 5 === 4;
  return fc
    .record({
      name: pick('r1', 'r2', 'r3', 'r4'),
      createdAt: pick(...dates),
      hosts,
      matches: fc.array(isGrpc ? grpcMatch : httpMatch, { minLength: 1, maxLength: 3 }),
      filters,
      to: action(isGrpc ? ['grpc', 'grpc', 'grpc-vault'] : ['web', 'api', 'web', 'api', 'vault']),
      retry: rarely(
        pick({ codes: [503], attempts: 2 }, { codes: [], attempts: 1, backoffMs: 10 }, { codes: [], attempts: 0 }),
      ),
      timeouts: rarely(pick({ requestMs: 20_000 }, { backendRequestMs: 20_000 }, { requestMs: 0 })),
    })
    .map(({ hosts: attached, timeouts, retry, ...rest }) => {
      const [, entry] = ruleEntry({
        ...rest,
        index,
        kind: isGrpc ? 'GRPCRoute' : 'HTTPRoute',
        ...(timeouts === undefined ? {} : { timeouts }),
      });
      return {
        ...entry,
        ...(isGrpc ? { protocol: 'grpc' as const } : {}),
        ...(retry === undefined ? {} : { retry }),
        hosts: attached,
      };
    });
}

const streamKinds = ['TLSRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'] as const;

function streamRule(index: number): fc.Arbitrary<Unattached<StreamRuleEntry>> {
  return fc.tuple(pick(...streamKinds), fc.nat(7)).chain(([kind, served]) => {
    const isServed = served > 0;
    const names = kind === 'UDPRoute' ? ['datagram'] : ['stream', 'tls-stream', 'tls-stream'];
    const target = fc.tuple(pick(...names, ...names, ...names, 'absent', '!no such Service'), pick(1, 1, 2, 0));
    return fc
      .record({
        name: pick('s1', 's2'),
        createdAt: pick(...dates),
        hosts,
        to: fc.array(target, { minLength: isServed ? 1 : 0, maxLength: 3 }).map((list) => Object.fromEntries(list)),
      })
      .map(({ hosts: attached, ...rest }) => {
        const [, entry] = streamRuleEntry({ ...rest, index, kind, hosts: [] });
        return { ...entry, hosts: attached };
      });
  });
}

function upTo<T>(max: number, min: number, make: (index: number) => fc.Arbitrary<T>): fc.Arbitrary<readonly T[]> {
  return fc
    .array(fc.nat(99), { minLength: min, maxLength: max })
    .chain((list) => fc.tuple(...list.map((_, index) => make(index))));
}

/**
 * Gives random route sets on these ports. Every rule of requests says its gateway and key in the response header
 * `x-rule`.
 */
export function routeSets(ports: RoutePorts): fc.Arbitrary<RouteSet> {
  const gateway = fc.record({
    createdAt: pick(...dates),
    listeners: fc
      .uniqueArray(listenerChoice(ports), {
        selector: ({ port, hostname }) => `${port} ${hostname}`,
        minLength: 1,
        maxLength: 5,
      })
      .filter((list) => list.some(({ protocol }) => protocol !== 'UDP')),
    rules: upTo(10, 1, rule),
    streams: upTo(6, 0, streamRule),
    backends: backendEntries,
  });
  return fc.tuple(gateway, rarely(gateway, 1)).map(([first, second]) => ({
    gateways: [first, ...(second === undefined ? [] : [second])].map((one, at) => {
      const name = gatewayNames[at] ?? gatewayNames[0];
      return { gateway: name, entries: entriesFor(name, one) };
    }),
  }));
}

interface GatewayParts {
  readonly createdAt: string;
  readonly listeners: readonly ListenerChoice[];
  readonly rules: readonly Unattached<HttpRuleEntry>[];
  readonly streams: readonly Unattached<StreamRuleEntry>[];
  readonly backends: readonly (readonly [key: string, entry: Entry])[];
}

function entriesFor(gateway: string, parts: GatewayParts): ReadonlyMap<string, Entry> {
  const { createdAt, backends } = parts;
  const listeners = parts.listeners.map((choice, index) => listenerEntry({ ...choice, name: `l${index}`, createdAt }));
  const entries = listeners.map(([, entry]) => entry);
  const rules = parts.rules.flatMap(({ hosts: wanted, ...entry }): (readonly [string, Entry])[] => {
    const attached = attach(wanted, entries, ['HTTP', 'HTTPS']);
    if (attached.length === 0) return [];
    const key = toRuleKey(entry.route, entry.index);
    const mark = {
      type: 'response-headers' as const,
      set: [{ name: 'x-rule', value: `${gateway} ${key}` }],
      add: [],
      remove: [],
    };
    return [[key, { ...entry, filters: [...entry.filters, mark], hosts: attached }]];
  });
  const streams = parts.streams.flatMap(({ hosts: wanted, ...entry }): (readonly [string, Entry])[] => {
    const attached = attach(wanted, entries, protocolsOf[entry.route.kind] ?? []);
    return attached.length === 0 ? [] : [[toRuleKey(entry.route, entry.index), { ...entry, hosts: attached }]];
  });
  return new Map<string, Entry>([...listeners, ...backends, ...rules, ...streams]);
}

const protocolsOf: Readonly<Record<string, readonly ListenerProtocol[]>> = {
  TLSRoute: ['TLS'],
  TCPRoute: ['TCP'],
  UDPRoute: ['UDP'],
};

/** Attaches to listeners of these protocols, each by the hostname that both have. */
function attach(
  wanted: Wanted,
  listeners: readonly ListenerEntry[],
  protocols: readonly ListenerProtocol[],
): HttpRuleEntry['hosts'] {
  const possible = listeners.filter(({ protocol }) => protocols.includes(protocol));
  const attached = wanted.flatMap(([number, hostname]) => {
    const at = possible[number % possible.length];
    const isNamed = at?.protocol !== 'TCP' && at?.protocol !== 'UDP';
    const common = at === undefined ? undefined : isNamed ? intersectHostnames(at.hostname, hostname) : '*';
    if (at === undefined || common === undefined) return [];
    const original = isNamed && common !== hostname ? { original: hostname } : {};
    return [{ listener: at.name, hostname: common, ...original }];
  });
  return [...new Map(attached.map((one) => [`${one.listener} ${one.hostname}`, one])).values()];
}
