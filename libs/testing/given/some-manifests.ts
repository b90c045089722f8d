// Makes manifests of every watched kind, at random: mostly sensible, sometimes with junk anywhere. Names are few, so
// that they meet.
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { kinds } from '#libs/gateway/kinds.ts';
import type { Manifest } from './change-events.ts';

const authority = readFileSync(new URL('../../xds/testdata/tls/client-ca.crt', import.meta.url), 'utf8');

const junk = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    0,
    -1,
    1e21,
    '',
    'x',
    '../..',
    '\u0000',
    '*',
    true,
    [],
    {},
    [null],
    { name: {} },
    'a'.repeat(5000),
  ),
  fc.jsonValue({ maxDepth: 2 }),
);
const mostly = <T>(good: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 80, arbitrary: good }, { weight: 1, arbitrary: junk });
const field = (good: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => mostly(good);
/** Every field is there nearly always. */
const part = (shape: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<unknown> =>
  field(
    fc.record(
      Object.fromEntries(Object.entries(shape).map(([key, of]) => [key, fc.option(of, { freq: 30, nil: undefined })])),
    ),
  );
/** A field that most objects do without. */
const rare = (of: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: of });
const list = (of: fc.Arbitrary<unknown>, maxLength = 3): fc.Arbitrary<unknown> =>
  field(fc.array(of, { minLength: 1, maxLength }));
const one = (...values: readonly unknown[]): fc.Arbitrary<unknown> => field(fc.constantFrom(...values));
/** Mostly the first. */
const usual = (first: unknown, ...others: readonly unknown[]): fc.Arbitrary<unknown> =>
  field(fc.oneof({ weight: 12, arbitrary: fc.constant(first) }, { weight: 1, arbitrary: fc.constantFrom(...others) }));

const place = { namespace: one('a', 'b'), name: one('x', 'y') };
const host = fc.oneof(
  { weight: 9, arbitrary: one('a.example.com', '*.example.com', 'b.example.com') },
  { weight: 1, arbitrary: one('*', '10.0.0.1', 'UPPER.example.com') },
);
const backendRef = part({
  ...place,
  port: usual(80, 81),
  weight: one(0, 1, 9),
  kind: usual('Service', 'Bucket'),
  group: usual('', 'g'),
});
const header = part({ name: one('X-A', 'x-a', 'b'), value: one('1', '2'), type: one('Exact', 'RegularExpression') });
const path = fc.oneof(
  { weight: 9, arbitrary: part({ type: one('Exact', 'PathPrefix'), value: one('/', '/a/', '/b') }) },
  {
    weight: 1,
    arbitrary: part({ type: usual('RegularExpression', 'Glob'), value: one('/[a-c]+', '/a//b', '/a(?=b)') }),
  },
);
const pathChange = part({
  type: one('ReplaceFullPath', 'ReplacePrefixMatch'),
  replaceFullPath: one('/z', ''),
  replacePrefixMatch: one('/z/'),
});
const headers = part({ set: list(header), remove: list(one('x-z', 'x-y')) });
const filter = fc.oneof(
  part({ type: usual('RequestHeaderModifier', 'CORS'), requestHeaderModifier: headers }),
  part({ type: usual('ResponseHeaderModifier', 'Odd'), responseHeaderModifier: headers }),
  part({
    type: usual('RequestMirror', 'Odd'),
    requestMirror: part({ backendRef, percent: one(1, 50), fraction: rare(part({ numerator: one(1) })) }),
  }),
  part({
    type: usual('RequestRedirect', 'Odd'),
    requestRedirect: part({ scheme: one('https'), statusCode: usual(301, 399), path: rare(pathChange) }),
  }),
  part({ type: usual('URLRewrite', 'Odd'), urlRewrite: part({ hostname: host, path: rare(pathChange) }) }),
  part({
    type: usual('CORS', 'ExternalAuth'),
    cors: part({ allowOrigins: list(one('https://a.com', '*', 'ftp://x')), maxAge: rare(one(5, 0)) }),
  }),
  part({ type: usual('ExtensionRef', 'Odd'), extensionRef: part({ group: one('g'), kind: one('K'), name: one('n') }) }),
);
const rule = part({
  name: rare(one('r')),
  matches: list(
    part({ path, headers: rare(list(header)), queryParams: rare(list(header)), method: rare(one('GET', 'BREW')) }),
  ),
  filters: rare(list(filter, 2)),
  backendRefs: list(backendRef),
  retry: rare(part({ codes: list(usual(503, 99)), attempts: usual(2, -1), backoff: usual('1s', 'soon') })),
  timeouts: rare(part({ request: usual('10s', '1d'), backendRequest: usual('1s', '20s') })),
});
const grpcRule = part({
  matches: list(
    part({
      method: part({
        type: rare(usual('RegularExpression', 'Exact', 'Odd')),
        service: usual('a.B', 'a/b', '('),
        method: rare(one('C', 'D')),
      }),
      headers: rare(list(header)),
    }),
  ),
  filters: rare(list(filter, 2)),
  backendRefs: list(backendRef),
});
const streamRule = part({ name: rare(one('r')), backendRefs: list(backendRef) });
const parentRef = part({
  ...place,
  sectionName: rare(one('http', 'https', 'tls', 'tcp', 'udp')),
  port: rare(one(80, 443)),
  kind: fc.oneof({ weight: 12, arbitrary: usual('Gateway', 'Service') }, { weight: 5, arbitrary: one('ListenerSet') }),
});
const selector = part({
  matchLabels: part({ team: one('one') }),
  matchExpressions: rare(
    list(part({ key: one('team'), operator: one('In', 'Exists', 'Odd'), values: list(one('one')) })),
  ),
});
const listener = (name: string, port: number, protocol: string): fc.Arbitrary<unknown> =>
  part({
    name: usual(name, 'BAD NAME', 'http'),
    port: usual(port, 80, 0),
    protocol: usual(protocol, 'HTTP', 'TCP'),
    hostname: rare(host),
    tls:
      protocol !== 'HTTPS' && protocol !== 'TLS'
        ? rare(part({}))
        : part({ mode: usual('Terminate', 'Passthrough'), certificateRefs: list(part(place)) }),
    allowedRoutes: part({
      namespaces: part({ from: one('All', 'Same', 'Selector', 'None', 'All'), selector }),
      kinds: rare(list(part({ kind: one('HTTPRoute', 'GRPCRoute', 'TCPRoute') }))),
    }),
  });
const listeners = field(
  fc.tuple(
    listener('http', 80, 'HTTP'),
    listener('https', 443, 'HTTPS'),
    listener('tls', 8443, 'TLS'),
    listener('tcp', 5000, 'TCP'),
    listener('udp', 5000, 'UDP'),
  ),
);
const bundle = part({
  group: one('certificates.k8s.io'),
  kind: usual('ClusterTrustBundle', 'Bucket'),
  name: one('x', 'y'),
  namespace: rare(one('a')),
});
const authorities = list(
  fc.oneof(part({ ...place, group: one(''), kind: usual('ConfigMap', 'Secret', 'Bucket') }), bundle),
);
const validation = part({
  caCertificateRefs: authorities,
  mode: usual('AllowValidOnly', 'AllowInsecureFallback', 'Odd'),
});
const tls = part({
  frontend: rare(
    part({
      default: part({ validation: rare(validation) }),
      perPort: rare(list(part({ port: usual(443, 80), tls: part({ validation }) }))),
    }),
  ),
  backend: rare(part({ clientCertificateRef: part(place) })),
});
const infrastructure = part({
  labels: rare(part({ a: one('b') })),
  parametersRef: rare(part({ group: one(''), kind: usual('ConfigMap', 'Bucket'), name: one('x', 'y') })),
});
const scope = one('Cluster', '', 'testing.x-k8s.io/sentinel', 'example.com/x');
const specs: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  Gateway: part({
    gatewayClassName: usual('x', 'y'),
    listeners,
    addresses: rare(
      list(part({ value: one('10.0.0.9'), type: usual('IPAddress', 'Hostname', 'odd'), routability: rare(scope) })),
    ),
    allowedListeners: part({ namespaces: part({ from: one('All', 'Same', 'Selector', 'None'), selector }) }),
    tls: rare(tls),
    infrastructure: rare(infrastructure),
  }),
  ListenerSet: part({
    parentRef: part(place),
    listeners: field(
      fc.tuple(listener('http', 80, 'HTTP'), listener('https', 443, 'HTTPS'), listener('tcp', 5000, 'TCP')),
    ),
  }),
  HTTPRoute: part({ parentRefs: list(parentRef), hostnames: rare(list(host)), rules: list(rule) }),
  GRPCRoute: part({ parentRefs: list(parentRef), hostnames: rare(list(host)), rules: list(grpcRule) }),
  TLSRoute: part({ parentRefs: list(parentRef), hostnames: list(host), rules: list(streamRule) }),
  TCPRoute: part({ parentRefs: list(parentRef), rules: list(streamRule) }),
  UDPRoute: part({ parentRefs: list(parentRef), rules: list(streamRule) }),
  Service: part({
    type: usual('ClusterIP', 'ExternalName'),
    ports: list(
      part({
        name: one('web', 'more'),
        port: usual(80, 81),
        protocol: rare(one('TCP', 'UDP')),
        appProtocol: usual('http', 'https', 'kubernetes.io/h2c'),
      }),
    ),
  }),
  ReferenceGrant: part({
    from: list(
      part({
        group: one('gateway.networking.k8s.io'),
        kind: one('HTTPRoute', 'TCPRoute', 'Gateway'),
        namespace: one('a', 'b'),
      }),
    ),
    to: list(part({ group: one(''), kind: one('Service', 'Secret'), name: rare(one('x')) })),
  }),
  BackendTLSPolicy: part({
    targetRefs: list(
      part({ group: one(''), kind: usual('Service', 'Bucket'), name: one('x', 'y'), sectionName: rare(one('web')) }),
    ),
    validation: part({
      hostname: usual('a.example.com', '*'),
      wellKnownCACertificates: rare(usual('System', 'other')),
      caCertificateRefs: rare(
        list(fc.oneof(part({ group: one(''), kind: usual('ConfigMap', 'Bucket'), name: one('x', 'y') }), bundle)),
      ),
    }),
  }),
};
const classSpec = part({
  controllerName: usual('fleetgate.dev/gateway-controller', 'other.dev/c'),
  parametersRef: rare(part({ ...place, group: one(''), kind: usual('ConfigMap', 'Bucket') })),
});
const servedApi = part({
  bundleVersion: usual('v1.7.0', 'v1.6.3'),
  channel: usual('experimental', 'standard'),
  kinds: list(one('Gateway', 'ClusterTrustBundle')),
  provides: usual('data planes', 'nothing'),
});
const body: Readonly<Record<string, fc.Arbitrary<object>>> = {
  GatewayClass: fc.record({ spec: classSpec, servedApi }),
  ConfigMap: fc.record({
    data: part({ 'ca.crt': one(authority, 'garbage'), replicas: rare(one('2', 'many')), merge: rare(one('class')) }),
  }),
  ClusterTrustBundle: fc.record({ spec: part({ trustBundle: usual(authority, '', 'garbage') }) }),
  Secret: fc.record({ summary: part({ certificate: part({ fingerprint: one('f') }) }) }),
  EndpointSlice: fc.record({
    ports: list(part({ name: one('web'), port: one(8080), protocol: rare(one('UDP')) })),
    endpoints: list(
      part({ addresses: list(one('10.1.0.1', 'fd00::1')), conditions: part({ ready: one(true, false) }) }),
    ),
  }),
};

/** Namespaces and names of all objects. */
export const places = ['a', 'b'].flatMap((namespace) => ['x', 'y'].map((name) => ({ namespace, name })));
/** What most changes are about. */
const busy = [
  'HTTPRoute',
  'HTTPRoute',
  'HTTPRoute',
  'GRPCRoute',
  'TLSRoute',
  'TCPRoute',
  'ListenerSet',
  'ListenerSet',
  'Gateway',
  'Service',
  'Service',
  'GatewayClass',
] as const;

/** An object of any watched kind. */
export const manifest: fc.Arbitrary<Manifest> = fc
  .tuple(
    fc.constantFrom(...kinds.map((info) => info.kind), ...busy),
    fc.constantFrom(...places),
    fc.integer({ min: 1, max: 3 }),
    fc.constantFrom('one', 'two'),
  )
  .chain(([kind, at, age, team]) => {
    const labels = kind === 'EndpointSlice' ? { 'kubernetes.io/service-name': 'x' } : { team };
    const metadata = fc.record({
      labels: one(labels),
      creationTimestamp: one(`2026-01-0${age}T00:00:00Z`),
      generation: one(1, 2),
      annotations: one({}),
    });
    const rest = body[kind] ?? fc.record({ spec: specs[kind] ?? part({ parentRefs: list(parentRef), parentRef }) });
    return fc
      .tuple(metadata, rest)
      .map(([meta, fields]) => Object.assign({ kind, metadata: Object.assign(meta, at) }, fields));
  });
