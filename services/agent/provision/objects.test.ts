import t from 'tap';
import { z } from 'zod';
import type { DesiredDataPlane } from '#libs/events/agent-exchange.ts';
import { goldenJson } from '#libs/testing/golden.ts';
import { planDataPlanes, type WantedPlane } from './data-plane.ts';
import { buildObjects } from './objects.ts';

const settings = {
  cluster: 'eu',
  namespace: 'fleetgate-system',
  controlUrl: 'https://control.example.com',
  controlCa: 'PEM',
  provisionerToken: 'fg_secret',
  image: 'fleetgate:1',
};
const serviceObject = z.object({
  kind: z.literal('Service'),
  metadata: z.object({
    name: z.string(),
    labels: z.record(z.string(), z.string()),
    ownerReferences: z.array(z.unknown()),
  }),
  spec: z.object({ type: z.string(), clusterIP: z.string().optional(), ports: z.array(z.unknown()) }),
});
const wish: DesiredDataPlane = {
  ports: [
    { port: 53, protocol: 'UDP' },
    { port: 80, protocol: 'TCP' },
    { port: 7424, protocol: 'TCP' },
  ],
  labels: { team: 'a', 'app.kubernetes.io/managed-by': 'somebody' },
  annotations: { note: 'b' },
  addresses: ['192.0.2.7'],
  parameters: { replicas: 3, serviceType: 'LoadBalancer', cpu: '1500m', memory: '1Gi', merge: 'none' },
};

function wanted(name: string, more: Partial<DesiredDataPlane> = {}): WantedPlane {
  return { namespace: 'shop', name, uid: `uid-of-${name}`, className: 'fleetgate', wish: { ...wish, ...more } };
}

function objectsOf(planes: readonly WantedPlane[]): readonly unknown[] {
  return planDataPlanes(planes, settings.namespace, () => 'uid-of-class').flatMap((plane) =>
    buildObjects(plane, settings),
  );
}

void t.test('the objects of a Gateway, and of a class whose Gateways share them', async (t) => {
  const shared = { ...wish.parameters, merge: 'class' as const };
  goldenJson(t, new URL('testdata/objects.out.json', import.meta.url), [
    objectsOf([wanted('web')]),
    objectsOf([wanted('b', { parameters: shared }), wanted('a', { parameters: shared })]),
  ]);
});

void t.test('what is left to others is not said', async (t) => {
  const auto = wanted('web', {
    ports: [],
    addresses: [],
    parameters: { replicas: 'auto', serviceType: 'ClusterIP', merge: 'none' },
  });
  const text = JSON.stringify(objectsOf([auto]));
  t.notMatch(text, /"replicas"/);
  t.notMatch(text, /"kind":"Service"/, 'a Service needs a port');
  t.notMatch(text, /PodDisruptionBudget/);
});

void t.test('each further address in the cluster is a Service of its own', async (t) => {
  const name = 'a'.repeat(60);
  const clusterAddresses = ['', '', '10.96.0.77', 'fd00::7'];
  const found = objectsOf([wanted('web', { clusterAddresses }), wanted(name, { clusterAddresses })]);
  const services = z.array(serviceObject).parse(found.filter((one) => serviceObject.safeParse(one).success));
  const rows = services.map(({ metadata, spec }) => [metadata.name, spec.type, spec.clusterIP]);
  t.same(rows.slice(0, 5), [
    ['web-fleetgate', 'LoadBalancer', undefined],
    ['web-fleetgate-cluster-0', 'ClusterIP', undefined],
    ['web-fleetgate-cluster-1', 'ClusterIP', undefined],
    ['web-fleetgate-cluster-10-96-0-77', 'ClusterIP', '10.96.0.77'],
    ['web-fleetgate-cluster-fd00-7', 'ClusterIP', 'fd00::7'],
  ]);
  t.equal(new Set(rows.map(([one]) => one)).size, 10);
  for (const { metadata, spec } of services) {
    t.match(metadata.name, /^[a-z]([-a-z0-9]{0,61}[a-z0-9])$/);
    t.equal(spec.ports.length, wish.ports.length);
    const isBeside = metadata.name.includes('-cluster-') || spec.type === 'ClusterIP';
    t.equal(metadata.labels['fleetgate.dev/cluster-address'], isBeside ? 'true' : undefined);
    t.equal(metadata.labels['app.kubernetes.io/managed-by'], 'fleetgate');
    t.equal(metadata.ownerReferences.length, 1);
  }
});

void t.test('names are bounded, and stay different', async (t) => {
  const names = ['a'.repeat(80), `${'a'.repeat(80)}b`, 'with.dots', '0-digit'].flatMap((name) =>
    planDataPlanes([wanted(name)], settings.namespace, () => undefined).map((plane) => plane.name),
  );
  t.equal(new Set(names).size, 4);
  for (const name of names) t.match(name, /^[a-z]([-a-z0-9]{0,61}[a-z0-9])$/);
});
