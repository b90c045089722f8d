// What holds for every history: order and batches do not matter, hostile objects harm nobody else, a change costs what it changes.
import assert from 'node:assert';
import * as fc from 'fast-check';
import t from 'tap';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { kinds } from '#libs/gateway/kinds.ts';
import { Projection, type ProjectionChange, type SavedObject } from '#libs/snapshot/projection.ts';
import { applied, deleted, type Manifest } from '#libs/testing/change-events.ts';

const none = { events: [], slices: [], sealed: [] };
const noVersion = (): never => {
  throw new Error('no rollback here');
};

function apply(projection: Projection, events: readonly ChangeEvent[]): ProjectionChange {
  const history = events.filter((event) => !isSlice(event)).map((event, i) => ({ seq: BigInt(i), event }));
  return projection.apply({ ...none, events: history, slices: events.filter(isSlice) }, noVersion);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function isSlice({ kind }: ChangeEvent): boolean {
  return kind === 'EndpointSlice';
}

const clusters = ['eu', 'us'];
const node = { node: 'n1', connected: true, serves: ['*/*/*'], addresses: ['10.0.0.9'], applied: [], rejected: [] };

/** Everything that a projection says, in a comparable form. Gateways without content are left out: they may have been there before. */
function everything(projection: Projection): unknown {
  const gateways = clusters.flatMap((cluster) =>
    places.map(({ namespace, name }) => `${cluster}/${namespace}/${name}`),
  );
  return {
    contents: gateways.flatMap((gateway) => {
      const content = projection.content(gateway);
      return content === undefined || content.entries.size === 0
        ? []
        : [[gateway, content.digest, [...content.entries].map(([key, hash]) => `${key} ${hash}`).toSorted(byText)]];
    }),
    statuses: clusters.map((cluster) => projection.statuses(cluster, undefined, 10_000).items),
    inventory: clusters.map((cluster) =>
      projection.inventory(cluster, undefined, 10_000).items.map(({ key, hash }) => [key, hash]),
    ),
  };
}

// ---- objects: mostly sensible, sometimes with junk anywhere

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
  part({ type: usual('ExtensionRef', 'Odd'), extensionRef: part({ group: one('g'), kind: one('K'), name: one('n') }) }),
);
const rule = part({
  name: rare(one('r')),
  matches: list(
    part({ path, headers: rare(list(header)), queryParams: rare(list(header)), method: rare(one('GET', 'BREW')) }),
  ),
  filters: rare(list(filter, 2)),
  backendRefs: list(backendRef),
  timeouts: rare(part({ request: usual('10s', '1d'), backendRequest: usual('1s', '20s') })),
});
const parentRef = part({
  ...place,
  sectionName: rare(one('http', 'https')),
  port: rare(one(80, 443)),
  kind: usual('Gateway', 'Service'),
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
      protocol === 'HTTP'
        ? rare(part({}))
        : part({ mode: usual('Terminate', 'Passthrough'), certificateRefs: list(part(place)) }),
    allowedRoutes: part({
      namespaces: part({ from: one('All', 'Same', 'Selector', 'None', 'All'), selector }),
      kinds: rare(list(part({ kind: one('HTTPRoute', 'TCPRoute') }))),
    }),
  });
const listeners = field(
  fc.tuple(listener('http', 80, 'HTTP'), listener('https', 443, 'HTTPS'), listener('other', 8080, 'HTTP')),
);
const specs: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  GatewayClass: part({
    controllerName: usual('fleetgate.dev/gateway-controller', 'other.dev/c'),
    parametersRef: rare(part({})),
  }),
  Gateway: part({
    gatewayClassName: usual('x', 'y'),
    listeners,
    addresses: rare(list(part({ value: one('10.0.0.9') }))),
  }),
  HTTPRoute: part({ parentRefs: list(parentRef), hostnames: rare(list(host)), rules: list(rule) }),
  Service: part({
    type: usual('ClusterIP', 'ExternalName'),
    ports: list(
      part({ name: one('web'), port: usual(80, 81), appProtocol: usual('http', 'https', 'kubernetes.io/h2c') }),
    ),
  }),
  ReferenceGrant: part({
    from: list(
      part({ group: one('gateway.networking.k8s.io'), kind: one('HTTPRoute', 'Gateway'), namespace: one('a', 'b') }),
    ),
    to: list(part({ group: one(''), kind: one('Service', 'Secret'), name: rare(one('x')) })),
  }),
  BackendTLSPolicy: part({ targetRefs: list(part({ group: one(''), kind: one('Service'), name: one('x') })) }),
};
const body: Readonly<Record<string, fc.Arbitrary<object>>> = {
  Secret: fc.record({ summary: part({ certificate: part({ fingerprint: one('f') }) }) }),
  EndpointSlice: fc.record({
    ports: list(part({ name: one('web'), port: one(8080) })),
    endpoints: list(
      part({ addresses: list(one('10.1.0.1', 'fd00::1')), conditions: part({ ready: one(true, false) }) }),
    ),
  }),
};

const places = ['a', 'b'].flatMap((namespace) => ['x', 'y'].map((name) => ({ namespace, name })));
const gateways = clusters.flatMap((cluster) => places.map(({ namespace, name }) => `${cluster}/${namespace}/${name}`));

/** What most changes are about. */
const busy = ['HTTPRoute', 'HTTPRoute', 'HTTPRoute', 'Gateway', 'Service', 'Service', 'GatewayClass'] as const;

const manifest: fc.Arbitrary<Manifest> = fc
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
const change = fc.record({
  manifest,
  cluster: fc.constantFrom(...clusters),
  gone: fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  batch: fc.boolean(),
});

void t.test('the same objects give the same output, whatever the way there', async (t) => {
  let served = 0;
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 60, size: 'max' }), (changes) => {
      const projection = new Projection();
      projection.setNodes([node]);
      const known = new Map(start().map((event) => [keyOf(event), event]));
      let batch = [...known.values()];
      for (const [i, { manifest, cluster, gone, batch: ends }] of changes.entries()) {
        const event = gone ? deleted(manifest, cluster, `${i + 2}`) : applied(manifest, cluster, `${i + 2}`);
        if (gone) known.delete(keyOf(event));
        else known.set(keyOf(event), event);
        batch.push(event);
        if (!ends && i + 1 < changes.length) continue;
        apply(projection, batch);
        batch = [];
      }
      const scratch = new Projection();
      scratch.setNodes([node]);
      apply(scratch, [...known.values()]);
      assert.deepStrictEqual(everything(projection), everything(scratch));
      assert.deepStrictEqual(everything(reloaded(projection, [...known.values()])), everything(projection));
      served += Number(gateways.some((gateway) => (projection.content(gateway)?.entries.size ?? 0) > 2));
    }),
    { numRuns: 200 },
  );
  t.ok(served > 80, `${served} of the histories end with routes that are served`);
});

void t.test('a hostile object of any kind leaves the others alone', async (t) => {
  const good = goodFleet();
  const clean = new Projection();
  apply(clean, good);
  const expected = clean.content('eu/infra/web');
  t.equal(expected?.entries.size, 3);
  fc.assert(
    fc.property(fc.array(manifest, { minLength: 1, maxLength: 20 }), (hostile) => {
      const projection = new Projection();
      apply(projection, [...good, ...hostile.map((one) => applied(one))]);
      const content = projection.content('eu/infra/web');
      // Hostile routes may rightly attach to nothing here: no listener lets their namespaces in.
      assert.deepStrictEqual(content, expected);
    }),
    { numRuns: 300 },
  );
});

void t.test('one changed route of 5,000 costs a constant number of stages', async (t) => {
  const cost = (size: number): number => {
    const projection = new Projection();
    const routes = Array.from({ length: size }, (_, i) => route(`r${i}`, 'svc', `h${i}.example.com`));
    apply(projection, [...goodFleet(), ...routes.map((one) => applied(one))]);
    const before = projection.executions;
    const change = apply(projection, [applied(route('r1', 'nowhere', 'h1.example.com'), 'eu', '2')]);
    t.equal(change.versions.length, 1);
    t.equal(change.versions[0]?.changes.length, 1);
    t.equal(change.statuses.length, 1);
    return projection.executions - before;
  };
  t.equal(cost(5000), cost(2));
});

/** Where every history starts: something to break. */
function start(): readonly ChangeEvent[] {
  const allowedRoutes = { namespaces: { from: 'All' } };
  const manifests: readonly Manifest[] = [
    { kind: 'GatewayClass', metadata: { name: 'x' }, spec: { controllerName: 'fleetgate.dev/gateway-controller' } },
    ...places.map((at) => ({
      kind: 'Gateway',
      metadata: at,
      spec: { gatewayClassName: 'x', listeners: [{ name: 'http', port: 80, protocol: 'HTTP', allowedRoutes }] },
    })),
    ...places.map((at) => ({ kind: 'Service', metadata: at, spec: { ports: [{ port: 80 }] } })),
  ];
  return clusters.flatMap((cluster) => manifests.map((one) => applied(one, cluster)));
}

function keyOf(event: ChangeEvent): string {
  return [event.cluster, event.kind, event.namespace, event.name].join('/');
}

function reloaded(projection: Projection, events: readonly ChangeEvent[]): Projection {
  const gateways = clusters.flatMap((cluster) =>
    places.map(({ namespace, name }) => `${cluster}/${namespace}/${name}`),
  );
  const again = new Projection();
  again.load({
    objects: events.filter((event) => !isSlice(event)).flatMap(toSaved),
    slices: events.filter(isSlice).flatMap(toSaved),
    sealed: [],
    gateways: gateways.flatMap((gateway) => {
      const head = projection.gatewayHead(gateway);
      const content = projection.content(gateway);
      // No node has applied anything, so every gateway waits for its first version.
      return head === undefined || content === undefined ? [] : [{ ...head, content, since: 1 }];
    }),
    nodes: [node],
  });
  return again;
}

function toSaved({ cluster, hash, object }: ChangeEvent): readonly SavedObject[] {
  return object === null ? [] : [{ cluster, hash, object }];
}

function goodFleet(): readonly ChangeEvent[] {
  const manifests: readonly Manifest[] = [
    { kind: 'GatewayClass', metadata: { name: 'good' }, spec: { controllerName: 'fleetgate.dev/gateway-controller' } },
    {
      kind: 'Gateway',
      metadata: { name: 'web', namespace: 'infra' },
      spec: { gatewayClassName: 'good', listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] },
    },
    { kind: 'Service', metadata: { name: 'svc', namespace: 'infra' }, spec: { ports: [{ port: 80 }] } },
    route('good', 'svc', 'good.example.com'),
  ];
  return manifests.map((one) => applied(one));
}

function route(name: string, backend: string, hostname: string): Manifest {
  return {
    kind: 'HTTPRoute',
    metadata: { name, namespace: 'infra' },
    spec: {
      parentRefs: [{ name: 'web' }],
      hostnames: [hostname],
      rules: [{ backendRefs: [{ name: backend, port: 80 }] }],
    },
  };
}
