// Routes whose hostnames a listener narrows to the same one: from manifests to requests through a real Envoy, which the
// more specific original hostname decides ({http,grpc,tls}route-multiple-routes-attachment-same-hostname-intersection
// of the Gateway API's suite, and their neighbours). The matcher must say the same.
import t, { type Test } from 'tap';
import { stringify } from 'yaml';
import { compileMatcher } from './matcher.ts';
import { toEndpointsKey } from '#libs/snapshot/discovery-key.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { Projection } from '#libs/projection/projection.ts';
import { type Manifest, readManifests } from '#libs/testing/given/change-events.ts';
import { ask, askHttp2, freePort, startBackend } from '#libs/testing/peers/http-peers.ts';
import { answerer } from '#libs/testing/peers/served-gateway.ts';
import { startStreamGateway, tlsFile } from '#libs/testing/peers/stream-gateway.ts';
import { askStream, startStreamBackend } from '#libs/testing/peers/stream-peers.ts';

const gateway = await startStreamGateway(t);
const ports = { http: await freePort(), grpc: await freePort(), passed: await freePort(), ended: await freePort() };
const own = { cert: tlsFile('exact.crt'), key: tlsFile('exact.key') };

/** Services by what they speak, for the route with the more specific hostname and for the other one. */
for (const name of ['specific', 'wide']) {
  const made = [
    [name, await startBackend(t, name)],
    [`${name}-grpc`, await startBackend(t, name, { protocol: 'http2' })],
    [`${name}-tls`, await startStreamBackend(t, name, own)],
    [`${name}-tcp`, await startStreamBackend(t, name)],
  ] as const;
  for (const [service, { port }] of made) {
    const key = toEndpointsKey({ cluster: 'eu', namespace: 'infra', service, port: 80, transport: 'tcp' });
    const endpoints = [{ address: '127.0.0.1', port }];
    gateway.compiler.setDiscovery([{ key, item: { kind: 'endpoints', endpoints } }], []);
  }
}
gateway.setCertificate('exact');

const newer = '2026-02-01T00:00:00Z';
const older = '2026-01-01T00:00:00Z';

/** Gives a Gateway whose listeners all have one hostname. */
function gatewayOf(name: string, hostname: string, creationTimestamp: string): Manifest {
  const certificates = { mode: 'Terminate', certificateRefs: [{ name: 'exact' }] };
  return {
    kind: 'Gateway',
    metadata: { name, namespace: 'infra', creationTimestamp },
    spec: {
      gatewayClassName: 'f',
      listeners: [
        { name: 'http', port: ports.http, protocol: 'HTTP', hostname },
        { name: 'grpc', port: ports.grpc, protocol: 'HTTP', hostname },
        { name: 'passed', port: ports.passed, protocol: 'TLS', hostname, tls: { mode: 'Passthrough' } },
        { name: 'ended', port: ports.ended, protocol: 'TLS', hostname, tls: certificates },
      ],
    },
  };
}

type Written = readonly string[] | undefined;

function routeOf(kind: string, section: string, place: Place, rules: readonly object[]): Manifest {
  const { name, parent, hostnames, creationTimestamp } = place;
  return {
    kind,
    metadata: { name: `${name}-${section}`, namespace: 'infra', creationTimestamp },
    spec: {
      parentRefs: [{ name: parent, sectionName: section }],
      ...(hostnames === undefined ? {} : { hostnames }),
      rules,
    },
  };
}

interface Place {
  readonly name: 'specific' | 'wide';
  readonly parent: string;
  readonly hostnames: Written;
  readonly creationTimestamp: string;
}

function to(service: string): object {
  return { backendRefs: [{ name: service, port: 80 }] };
}

/** Gives the routes of each kind with these hostnames; TLSRoutes must have some. */
function routesOf(place: Place, matches: readonly (readonly object[])[]): readonly Manifest[] {
  const { name, hostnames } = place;
  return [
    routeOf(
      'HTTPRoute',
      'http',
      place,
      matches.map((list) => ({ matches: list, ...to(name) })),
    ),
    routeOf('GRPCRoute', 'grpc', place, [to(`${name}-grpc`)]),
    ...(hostnames === undefined
      ? []
      : [
          routeOf('TLSRoute', 'passed', place, [to(`${name}-tls`)]),
          routeOf('TLSRoute', 'ended', place, [to(`${name}-tcp`)]),
        ]),
  ];
}

const path = (value: string): object => ({ path: { type: 'PathPrefix', value } });
const header = (name: string): object => ({ headers: [{ name, value: name }] });

const specificMatches = [[path('/same')], [path('/path')], [{ ...path('/header'), ...header('a') }]];
const wideMatches = [
  [path('/same')],
  [path('/path/prefix')],
  [{ ...path('/header/longer'), ...header('b') }],
  [path('/only')],
];

/** Requests, who answers by the original hostnames, and who did before they were noted: the matches decided. */
const requests: readonly (readonly [path: string, headers: readonly string[], answer: string, before: string])[] = [
  ['/same', [], 'specific', 'wide'],
  ['/path/prefix/longer', [], 'specific', 'wide'],
  ['/path/other', [], 'specific', 'specific'],
  ['/header/longer', ['a', 'b'], 'specific', 'wide'],
  ['/header/longer', ['b'], 'wide', 'wide'],
  ['/only', [], 'wide', 'wide'],
  ['/none', [], '404', '404'],
];

const services = ['specific', 'wide'].flatMap((name) =>
  ['', '-grpc', '-tls', '-tcp'].map((what): Manifest => ({
    kind: 'Service',
    metadata: { name: `${name}${what}`, namespace: 'infra' },
    spec: { ports: [{ port: 80 }] },
  })),
);
const secret: Manifest = {
  kind: 'Secret',
  metadata: { name: 'exact', namespace: 'infra' },
  summary: {
    type: 'kubernetes.io/tls',
    certificate: { fingerprint: 'aa', dnsNames: ['abc.example.com'], notAfter: '2099-01-01T00:00:00Z' },
  },
};
const gatewayClass: Manifest = {
  kind: 'GatewayClass',
  metadata: { name: 'f' },
  spec: { controllerName: 'fleetgate.dev/gateway-controller' },
};

type Contents = ReadonlyMap<string, ReadonlyMap<string, Entry>>;

/** Folds manifests; gives what each gateway serves, and the projection for its statuses. */
function fold(manifests: readonly Manifest[]): { readonly contents: Contents; readonly projection: Projection } {
  const all = [gatewayClass, secret, ...services, ...manifests];
  const events = readManifests(all.map((manifest) => stringify(manifest)).join('---\n'));
  const projection = new Projection();
  const batch = { events: events.map((event, at) => ({ seq: BigInt(at), event })), slices: [], sealed: [] };
  const change = projection.apply(batch, () => {
    throw new Error('no rollback here');
  });
  const contents = change.gateways.map(({ gateway: id }) => {
    const entries = projection.content(id)?.entries ?? new Map<string, string>();
    return [id, new Map([...entries].map(([key, hash]) => [key, parseEntry(change.entries.get(hash))]))] as const;
  });
  return { contents: new Map(contents), projection };
}

function parseEntry(json: string | undefined): Entry {
  return JSON.parse(json ?? '');
}

let served: readonly string[] = [];

async function serve(test: Test, contents: Contents): Promise<void> {
  for (const id of served) if (!contents.has(id)) await gateway.serveAs(id, test);
  for (const [id, entries] of contents) await gateway.serveAs(id, test, ...entries);
  served = [...contents.keys()];
}

/** Asks by every kind of route; `which` says whether it is the first or the second answer that is expected. */
async function check(test: Test, contents: Contents, which: 'now' | 'before', hasTls: boolean): Promise<void> {
  const host = 'abc.example.com';
  const gateways = [...contents].map(([id, entries]) => ({ gateway: id, entries }));
  const matcher = compileMatcher(gateways);
  for (const [url, names, now, before] of requests) {
    const expected = which === 'now' ? now : before;
    const headers = names.map((name): [string, string] => [name, name]);
    const said = `${which} ${url} ${names.join()}`;
    test.equal(answerer(await ask(ports.http, { host, path: url, headers })), expected, said);
    const verdict = matcher.match({ port: ports.http, method: 'GET', host, path: url, headers });
    const route = verdict.type === 'rule' ? verdict.rule.entry.route.name : '404-http';
    test.equal(route, `${expected}-http`, `the matcher: ${said}`);
  }
  const last = which === 'now' ? 'specific' : 'wide';
  const call = { ':method': 'POST', ':authority': host, ':path': '/a.B/C', 'content-type': 'application/grpc' };
  test.equal(answerer(await askHttp2(ports.grpc, { headers: call, body: 'x' })), last, `${which} gRPC`);
  if (!hasTls) return;
  for (const port of [ports.passed, ports.ended]) {
    test.match(await askStream(port, { servername: host }), new RegExp(`^${last} `), `${which} TLS`);
    const verdict = matcher.connect({ port, transport: 'tcp', tls: { serverName: host } });
    const route = verdict.type === 'stream' ? verdict.rule.entry.route.name : '';
    test.match(route, new RegExp(`^${last}-`), 'the matcher');
  }
}

function strip(entry: Entry): Entry {
  if (!('hosts' in entry)) return entry;
  return { ...entry, hosts: entry.hosts.map(({ listener, hostname }) => ({ listener, hostname })) };
}

/** Gives the entries as they were before the original hostname was noted. */
function withoutOriginals(contents: Contents): Contents {
  return new Map(
    [...contents].map(([id, entries]) => [id, new Map([...entries].map(([key, one]) => [key, strip(one)]))]),
  );
}

const pairs: readonly (readonly [listener: string, specific: Written, wide: Written])[] = [
  ['abc.example.com', ['abc.example.com'], ['*.example.com']],
  ['abc.example.com', ['*.example.com'], ['*.com']],
  ['abc.example.com', ['*.com', '*.example.com'], ['*.com', 'other.test']],
  ['*.example.com', ['*.example.com'], ['*.com']],
  ['abc.example.com', ['abc.example.com'], undefined],
  ['*.example.com', ['*.com'], undefined],
];

for (const [listener, specific, wide] of pairs) {
  const names = `${specific?.join(', ')} and ${wide?.join(', ') ?? 'no hostname'} on ${listener}`;
  void t.test(`${names}: the newer route with the more specific hostname comes first`, async (t) => {
    for (const parents of [['one', 'one'] as const, ['two', 'one'] as const]) {
      const { contents, projection } = fold([
        gatewayOf('one', listener, older),
        ...(parents[0] === 'two' ? [gatewayOf('two', listener, newer)] : []),
        ...routesOf(
          { name: 'specific', parent: parents[0], hostnames: specific, creationTimestamp: newer },
          specificMatches,
        ),
        ...routesOf({ name: 'wide', parent: parents[1], hostnames: wide, creationTimestamp: older }, wideMatches),
      ]);
      await serve(t, contents);
      await check(t, contents, 'now', wide !== undefined);
      await serve(t, withoutOriginals(contents));
      await check(t, withoutOriginals(contents), 'before', wide !== undefined);
      if (parents[0] === parents[1])
        t.strictSame(shadowed(projection).toSorted(), shadowedRoutes(wide), 'which rule is shadowed');
    }
  });
}

t.end();

/** Says which routes are told that a rule of theirs can never match. */
function shadowed(projection: Projection): readonly string[] {
  const { items } = projection.statuses('eu', undefined, 1000);
  return items.flatMap(({ name, status }) => (JSON.stringify(status).includes('fleetgate.dev/Shadowed') ? [name] : []));
}

function shadowedRoutes(wide: Written): readonly string[] {
  const sections = ['http', 'grpc', ...(wide === undefined ? [] : ['passed', 'ended'])];
  return sections.map((section) => `wide-${section}`).toSorted();
}
