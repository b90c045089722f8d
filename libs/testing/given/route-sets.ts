// Makes random route sets for tests: gateways that share ports, with listeners and rules of every kind. Alphabets are
// small, so that things meet.
import { compareText } from '#libs/gateway/compare-text.ts';
import * as fc from 'fast-check';
import { intersectHostnames } from '#libs/gateway/hostname.ts';
import type {
  Entry,
  HttpFilter,
  HttpRuleEntry,
  ListenerEntry,
  RuleAction,
  WeightedBackend,
} from '#libs/snapshot/entry.ts';
import type { CorsPolicy } from '#libs/gateway/fields/cors.ts';
import type { HeaderChange, PathChange, Redirect } from '#libs/gateway/objects/http-filter.ts';
import type { HttpMatch, StringMatch } from '#libs/gateway/objects/http-match.ts';
import { backendEntry, listenerEntry, ruleEntry } from './entries.ts';
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
export const mirrorService = 'mirror';
export const certificateKey = 'tls/eu/infra/cert';

const hostnames = ['*', '*.test', 'a.test', 'b.test', '*.a.test', 'x.a.test', 'y.x.a.test', 'c.other'];
const dates = ['2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z', '2022-01-01T00:00:00Z'];
const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
/** Once in `absent` + 1 times. */
const rarely = <T>(what: fc.Arbitrary<T>, absent = 2): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: absent, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: what });

// ---- matches

const exactPaths = ['/', '/a', '/a/', '/a/b', '/a/b/c', '/ab', '/A', '/a/b/', '/svc/Method', '/a%20b', '/~x'];
const prefixes = ['/', '/a', '/a/b', '/a/b/c', '/ab', '/svc', '/a.b+c'];
const pathRegexes = ['/a/[bc]+', '/a.*', '.*b', '/', '/a/b(/.*)?', '(?i)/AB', '/[^/]*'];

const path: fc.Arbitrary<HttpMatch['path']> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: pick('PathPrefix' as const), value: pick(...prefixes) }) },
  { weight: 3, arbitrary: fc.record({ type: pick('Exact' as const), value: pick(...exactPaths) }) },
  { weight: 2, arbitrary: fc.record({ type: pick('RegularExpression' as const), value: pick(...pathRegexes) }) },
);
const stringMatch: fc.Arbitrary<StringMatch> = fc.oneof(
  fc.record({ type: pick('Exact' as const), value: pick('1', '2', '1,2', 'x y') }),
  fc
    .record({ type: pick('RegularExpression' as const), value: pick('[0-9]+', '1|2', '.*', '', '1.*') })
    .map((one) => (one.value === '' ? { ...one, value: 'x?' } : one)),
);
const named = (names: readonly string[]): fc.Arbitrary<HttpMatch['headers']> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    {
      weight: 2,
      arbitrary: fc
        .uniqueArray(fc.tuple(pick(...names), stringMatch), { selector: ([name]) => name, minLength: 1, maxLength: 2 })
        .map((list) => list.map(([name, one]) => ({ name, ...one })).toSorted((a, b) => compareText(a.name, b.name))),
    },
  );
const match: fc.Arbitrary<HttpMatch> = fc
  .record({
    path,
    method: rarely(pick('GET', 'POST', 'DELETE', 'OPTIONS', 'HEAD')),
    headers: named(['x-a', 'x-b', 'x_a', 'host', 'x-forwarded-proto']),
    query: named(['v', 'W', 'w']),
  })
  .map(({ method, ...rest }) => (method === undefined ? rest : { ...rest, method }));

const exact = (value: string): StringMatch => ({ type: 'Exact', value });

/** What libs/gateway makes of the matches of a GRPCRoute. */
const grpcMatch: fc.Arbitrary<HttpMatch> = fc
  .record({
    service: rarely(pick('svc', 'a'), 1),
    method: rarely(pick('Method', 'b'), 1),
    headers: named(['x-a', 'x-b']),
  })
  .map(({ service, method, headers }): HttpMatch => {
    const grpc = {
      ...(service === undefined ? {} : { service: exact(service) }),
      ...(method === undefined ? {} : { method: exact(method) }),
    };
    if (method === undefined)
      return { path: { type: 'PathPrefix', value: `/${service ?? ''}` }, headers, query: [], grpc };
    if (service === undefined)
      return { path: { type: 'RegularExpression', value: `/[^/]+/${method}` }, headers, query: [], grpc };
    return { path: { type: 'Exact', value: `/${service}/${method}` }, headers, query: [], grpc };
  });

// ---- filters

const header = (value: fc.Arbitrary<string>): fc.Arbitrary<HeaderChange['set'][number]> =>
  fc.record({ name: pick('x-a', 'x-b', 'x-c', 'x-backend'), value });
const headerChange: fc.Arbitrary<HeaderChange> = fc
  .uniqueArray(fc.tuple(pick('set', 'add', 'remove'), header(pick('1', 'two', '100%', '%REQ(:PATH)%', ''))), {
    // Of one name, a value may follow a removal.
    selector: ([what, { name }]) => `${what === 'remove' ? what : 'value'} ${name}`,
    maxLength: 4,
  })
  .map((list) => ({
    set: list.filter(([what]) => what === 'set').map(([, one]) => one),
    add: list.filter(([what]) => what === 'add').map(([, one]) => one),
    remove: list.filter(([what]) => what === 'remove').map(([, { name }]) => name),
  }));
const pathChange: fc.Arbitrary<PathChange> = fc.record({
  type: pick('full' as const, 'full' as const, 'prefix' as const),
  value: pick('/', '/new', '/new/deep', '/n\\1'),
});
const cors: fc.Arbitrary<CorsPolicy> = fc.record({
  allowOrigins: pick(['*'], ['https://a.test'], ['https://*.a.test', 'http://b.test']),
  allowMethods: pick(['*'], ['GET', 'PUT']),
  allowHeaders: pick<readonly string[]>(['*'], ['x-a', 'x-b'], []),
  exposeHeaders: pick<readonly string[]>(['x-c'], []),
  allowCredentials: fc.boolean(),
  maxAgeSeconds: pick(5, 600),
});
const filter: fc.Arbitrary<HttpFilter> = fc.oneof(
  headerChange.map((change) => ({ type: 'request-headers' as const, ...change })),
  headerChange.map((change) => ({ type: 'response-headers' as const, ...change })),
  fc
    .record({ hostname: rarely(pick('inside.test', 'x.inside.test')), path: rarely(pathChange, 1) })
    .map(({ hostname, path: change }) => ({
      type: 'rewrite' as const,
      ...(hostname === undefined ? {} : { hostname }),
      ...(change === undefined ? {} : { path: change }),
    })),
  fc.record({
    type: pick('mirror' as const),
    backend: pick({ key: backendEntry(mirrorService)[0] }, { invalid: 'no such Service' }),
    numerator: pick(100, 0),
    denominator: pick(100),
  }),
);
/** At most one of each type, as the specification has it. */
const filters: fc.Arbitrary<readonly HttpFilter[]> = fc
  .tuple(
    fc.uniqueArray(filter, { selector: ({ type }) => type, maxLength: 3 }),
    rarely(
      cors.map((policy) => ({ type: 'cors' as const, ...policy })),
      4,
    ),
  )
  .map(([list, policy]) => (policy === undefined ? list : [...list, policy]));

// ---- actions

const target = (names: readonly string[]): fc.Arbitrary<{ readonly key: string } | { readonly invalid: string }> =>
  fc.oneof(
    { weight: 9, arbitrary: pick(...names).map((name) => ({ key: backendEntry(name)[0] })) },
    { weight: 1, arbitrary: pick({ invalid: 'no such Service' }, { key: backendEntry('absent')[0] }) },
  );
const weighted = (names: readonly string[]): fc.Arbitrary<WeightedBackend> =>
  fc
    .record({ to: target(names), weight: pick(1, 1, 1, 2, 3, 0), filters: fc.oneof(fc.constant([]), filters) })
    .map(({ to, ...rest }) => ({ ...to, ...rest }));
const redirect: fc.Arbitrary<Redirect> = fc
  .record({
    scheme: rarely(pick('http' as const, 'https' as const), 1),
    hostname: rarely(pick('other.test'), 1),
    port: rarely(pick(80, 443, 8443), 1),
    path: rarely(pathChange, 1),
    statusCode: pick(301 as const, 302 as const, 303 as const, 307 as const, 308 as const),
  })
  .map(({ scheme, hostname, port, path: change, statusCode }) => ({
    ...(scheme === undefined ? {} : { scheme }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(port === undefined ? {} : { port }),
    ...(change === undefined ? {} : { path: change }),
    statusCode,
  }));
const action = (names: readonly string[]): fc.Arbitrary<RuleAction> =>
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc
        .array(weighted(names), { minLength: 1, maxLength: 3 })
        .map((backends) => ({ type: 'forward' as const, backends })),
    },
    { weight: 4, arbitrary: redirect.map((one) => ({ type: 'redirect' as const, redirect: one })) },
    { weight: 1, arbitrary: fc.constant({ type: 'invalid' as const, reason: 'unknown filter' }) },
    { weight: 1, arbitrary: fc.constant({ type: 'forward' as const, backends: [] }) },
  );

// ---- gateways

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
      matches: fc.array(isGrpc ? grpcMatch : match, { minLength: 1, maxLength: 3 }),
      filters: filters,
      to: action(isGrpc ? ['grpc'] : ['web', 'api']),
      retry: rarely(pick({ codes: [503], attempts: 2 }, { codes: [], attempts: 1, backoffMs: 10 })),
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
      return at === undefined || common === undefined ? [] : [{ listener: at.name, hostname: common }];
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
