// Tests what holds for every history: order and batches do not matter, hostile objects harm nobody else, a change costs
// what it changes.
import assert from 'node:assert';
import * as fc from 'fast-check';
import t from 'tap';
import { compareText } from '#libs/gateway/compare-text.ts';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { Projection } from './projection.ts';
import type { ProjectionChange, SavedObject } from '#libs/projection/versions/projection-change.ts';
import { applied, deleted, type Manifest } from '#libs/testing/given/change-events.ts';
import { manifest, places } from '#libs/testing/given/some-manifests.ts';

const none = { events: [], slices: [], sealed: [] };
const noVersion = (): never => {
  throw new Error('no rollback here');
};

function apply(projection: Projection, events: readonly ChangeEvent[]): ProjectionChange {
  const history = events.filter((event) => !isSlice(event)).map((event, i) => ({ seq: BigInt(i), event }));
  return projection.apply({ ...none, events: history, slices: events.filter(isSlice) }, noVersion);
}

function isSlice({ kind }: ChangeEvent): boolean {
  return kind === 'EndpointSlice';
}

const clusters = ['eu', 'us'];
const node = { node: 'n1', connected: true, serves: ['*/*/*'], addresses: ['10.0.0.9'], applied: [], rejected: [] };

/**
 * Everything that a projection says, in a comparable form. Gateways without content are left out: they may have been
 * there before.
 */
function everything(projection: Projection): unknown {
  const gateways = clusters.flatMap((cluster) =>
    places.map(({ namespace, name }) => `${cluster}/${namespace}/${name}`),
  );
  return {
    contents: gateways.flatMap((gateway) => {
      const content = projection.content(gateway);
      return content === undefined || content.entries.size === 0
        ? []
        : [
            [
              gateway,
              content.digest,
              [...content.entries].map(([key, hash]) => `${key} ${hash}`).toSorted(compareText),
            ],
          ];
    }),
    statuses: clusters.map((cluster) => projection.statuses(cluster, undefined, 10_000).items),
    inventory: clusters.map((cluster) =>
      projection.inventory(cluster, undefined, 10_000).items.map(({ key, hash }) => [key, hash]),
    ),
  };
}

const gateways = clusters.flatMap((cluster) => places.map(({ namespace, name }) => `${cluster}/${namespace}/${name}`));

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
