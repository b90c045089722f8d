// Makes random route sets for tests: gateways that share ports, with listeners and rules of every kind. Alphabets are
// small, so that things meet.
import * as fc from 'fast-check';
import { intersectHostnames } from '#libs/gateway/hostname.ts';
import type { Entry, HttpRuleEntry, ListenerEntry } from '#libs/snapshot/entry.ts';
import { backendEntry, listenerEntry, ruleEntry } from './entries.ts';
import { action, filters, mirrorService } from './random-actions.ts';
import { grpcMatch, httpMatch } from './random-matches.ts';
import { pick, rarely } from './random-picks.ts';
import { toRuleKey } from '#libs/snapshot/entry-key.ts';

/** The ports that listeners are on. */
interface RoutePorts {
  readonly plain: readonly number[];
  readonly secure: number;
}

export interface RouteSet {
  readonly gateways: readonly {
    readonly gateway: string;
    readonly entries: ReadonlyMap<string, Entry>;
  }[];
}

export const gatewayNames = ['eu/infra/one', 'us/infra/two'] as const;
/** Services with an entry in every gateway. */
export const services = ['web', 'api', 'grpc'] as const;
export const certificateKey = 'tls/eu/infra/cert';

const hostnames = ['*', '*.test', 'a.test', 'b.test', '*.a.test', 'x.a.test', 'y.x.a.test', 'c.other'];
const dates = ['2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z', '2022-01-01T00:00:00Z'];

interface ListenerChoice {
  readonly port: number;
  readonly protocol: 'HTTP' | 'HTTPS';
  readonly hostname: string;
}

const hosts = fc.array(fc.tuple(fc.nat(20), pick(...hostnames)), { minLength: 1, maxLength: 3 });

function rule(
  index: number,
): fc.Arbitrary<Omit<HttpRuleEntry, 'hosts'> & { readonly hosts: (readonly [number, string])[] }> {
  const isGrpc = index % 5 === 4;
  return fc
    .record({
      name: pick('r1', 'r2', 'r3', 'r4'),
      createdAt: pick(...dates),
      hosts,
      matches: fc.array(isGrpc ? grpcMatch : httpMatch, { minLength: 1, maxLength: 3 }),
      filters,
      to: action(isGrpc ? ['grpc'] : ['web', 'api']),
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

/** Gives random route sets on these ports. Every rule says its gateway and key in the response header `x-rule`. */
export function routeSets(ports: RoutePorts): fc.Arbitrary<RouteSet> {
  const listener: fc.Arbitrary<ListenerChoice> = fc.oneof(
    fc.record({ port: pick(...ports.plain), protocol: pick('HTTP' as const), hostname: pick(...hostnames) }),
    fc.record({ port: pick(ports.secure), protocol: pick('HTTPS' as const), hostname: pick(...hostnames) }),
  );
  const gateway = fc.record({
    createdAt: pick(...dates),
    listeners: fc.uniqueArray(listener, {
      selector: ({ port, hostname }) => `${port} ${hostname}`,
      minLength: 1,
      maxLength: 4,
    }),
    rules: fc
      .array(fc.nat(99), { minLength: 1, maxLength: 10 })
      .chain((list) => fc.tuple(...list.map((_, index) => rule(index)))),
  });
  return fc.tuple(gateway, rarely(gateway, 1)).map(([first, second]) => ({
    gateways: [first, ...(second === undefined ? [] : [second])].map((one, at) => {
      const name = gatewayNames[at] ?? gatewayNames[0];
      return { gateway: name, entries: entriesFor(name, one) };
    }),
  }));
}

function entriesFor(
  gateway: string,
  parts: {
    readonly createdAt: string;
    readonly listeners: readonly ListenerChoice[];
    readonly rules: readonly (Omit<HttpRuleEntry, 'hosts'> & { readonly hosts: (readonly [number, string])[] })[];
  },
): ReadonlyMap<string, Entry> {
  const listeners = parts.listeners.map((choice, index): readonly [string, ListenerEntry] => {
    const certificates = choice.protocol === 'HTTPS' ? [certificateKey] : [];
    return listenerEntry({ ...choice, name: `l${index}`, createdAt: parts.createdAt, certificates });
  });
  const rules = parts.rules.flatMap(({ hosts: wanted, ...entry }): (readonly [string, Entry])[] => {
    const attached = wanted.flatMap(([number, hostname]) => {
      const [, at] = listeners[number % listeners.length] ?? [];
      const common = at === undefined ? undefined : intersectHostnames(at.hostname, hostname);
      return at === undefined || common === undefined
        ? []
        : [{ listener: at.name, hostname: common, ...(common === hostname ? {} : { original: hostname }) }];
    });
    const unique = new Map(attached.map((one) => [`${one.listener} ${one.hostname}`, one]));
    if (unique.size === 0) return [];
    const key = toRuleKey(entry.route, entry.index);
    const mark = {
      type: 'response-headers' as const,
      set: [{ name: 'x-rule', value: `${gateway} ${key}` }],
      add: [],
      remove: [],
    };
    return [[key, { ...entry, filters: [...entry.filters, mark], hosts: [...unique.values()] }]];
  });
  const backends = [...services, mirrorService].map((name) =>
    backendEntry(name, name === 'grpc' ? { protocol: 'h2c' } : {}),
  );
  return new Map<string, Entry>([...listeners, ...backends, ...rules]);
}
