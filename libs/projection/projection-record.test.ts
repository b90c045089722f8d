// Tests what the projection tells of the stages that a change ran, and that the telling changes nothing.
import t from 'tap';
import { applied, type Manifest } from '#libs/testing/given/change-events.ts';
import { Projection } from './projection.ts';
import type { Batch, ProjectionChange } from '#libs/projection/versions/projection-change.ts';

const base: readonly Manifest[] = [
  {
    kind: 'GatewayClass',
    metadata: { name: 'fleetgate' },
    spec: { controllerName: 'fleetgate.dev/gateway-controller' },
  },
  {
    kind: 'Gateway',
    metadata: { name: 'web', namespace: 'infra' },
    spec: {
      gatewayClassName: 'fleetgate',
      listeners: [{ name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } }],
    },
  },
  { kind: 'Service', metadata: { name: 'shop', namespace: 'shop' }, spec: { ports: [{ port: 80 }] } },
];

void t.test('a label ends where the route is read, a hostname goes on to the gateway', async (t) => {
  const projection = new Projection();
  apply(projection, batch([...base, route('a.example.com')], 1));
  const record = (manifest: Manifest, version: number) =>
    projection.record(
      () => 0,
      () => apply(projection, batch([manifest], version)),
    ).record.keys;
  t.strictSame(record(route('a.example.com', { tier: 'one' }), 2), [
    {
      stage: 'route',
      key: 'eu/HTTPRoute/shop/cart',
      runs: 1,
      ms: 0,
      output: 'same',
      causes: [{ type: 'changed', name: 'HTTPRoute', key: 'eu/shop/cart' }],
    },
  ]);
  const moved = record(route('b.example.com'), 3);
  const outputs = new Map(moved.map(({ stage, output }) => [stage, output]));
  t.equal(outputs.get('route'), 'changed');
  t.equal(outputs.get('resolved rules'), 'same', 'its backends are what they were');
  t.equal(outputs.get('publication'), 'changed');
  t.notOk(outputs.has('gateway'), 'the gateway did not run');
});

void t.test('what is recorded and what is not give the same', async (t) => {
  const all = batch([...base, route('a.example.com')], 1);
  const projection = new Projection();
  const { value, record } = projection.record(
    () => 0,
    () => apply(projection, all),
  );
  t.strictSame(value, apply(new Projection(), all));
  const runs = record.stages.reduce((sum, stage) => sum + stage.runs, 0);
  t.equal(runs, projection.executions);
});

function route(hostname: string, labels: Readonly<Record<string, string>> = {}): Manifest {
  return {
    kind: 'HTTPRoute',
    metadata: { name: 'cart', namespace: 'shop', labels },
    spec: {
      parentRefs: [{ name: 'web', namespace: 'infra' }],
      hostnames: [hostname],
      rules: [{ matches: [{ path: { value: '/cart' } }], backendRefs: [{ name: 'shop', port: 80 }] }],
    },
  };
}

function batch(manifests: readonly Manifest[], version: number): Batch {
  const events = manifests.map((manifest) => applied(manifest, 'eu', `${version}`));
  return { events: events.map((event, i) => ({ seq: BigInt(version * 10 + i), event })), slices: [], sealed: [] };
}

function apply(projection: Projection, change: Batch): ProjectionChange {
  return projection.apply(change, () => ({ digest: '', entries: new Map() }));
}
