// For tests: fills Postgres with a small fleet that has something of everything that the API shows.
import type { Fixture } from './control-fixture.ts';
import type { EventFields } from './fleet-writer.ts';
import { backendEntry, firstEntries, ruleEntry } from './some-entries.ts';

const httpRoute = (generation: number, weight: number): unknown => ({
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'HTTPRoute',
  metadata: {
    name: 'web',
    namespace: 'shop',
    uid: 'u1',
    resourceVersion: String(generation),
    generation,
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  spec: {
    hostnames: ['shop.example.com'],
    parentRefs: [
      { name: 'web', namespace: 'infra', sectionName: 'http' },
      { kind: 'Service', group: '', name: 'mesh' },
    ],
    rules: [
      {
        backendRefs: [
          { name: 'a', weight },
          { name: 'b', weight: 100 - weight },
        ],
      },
    ],
  },
});

const condition = (type: string, status: string, reason: string, message = '') => ({
  type,
  status,
  reason,
  message,
  observedGeneration: 1,
});
const parentStatus = (...conditions: readonly unknown[]) => ({
  parents: [
    {
      controllerName: 'fleetgate.dev/gateway-controller',
      parentRef: { name: 'web', namespace: 'infra', sectionName: 'http' },
      conditions,
    },
  ],
});

const listeners = [
  { name: 'https', port: 443, protocol: 'HTTPS', hostname: '*.example.com' },
  { name: 'bad', port: 'x' },
];

const object = (name: string, data: unknown, kind = 'HTTPRoute', namespace = 'shop') => ({
  cluster: 'eu',
  kind,
  namespace,
  name,
  uid: name,
  hash: 'h',
  seq: '7',
  manager: 'kubectl',
  operation: 'Apply',
  at: new Date().toISOString(),
  data: JSON.stringify(data),
});
const objects = [
  object('web', httpRoute(2, 50)),
  object('refused', httpRoute(1, 1)),
  object('orphan', { spec: { hostnames: 'not a list', rules: 7, parentRefs: [{ noName: true }] } }),
  object('broken', `\0 not an object`),
  object('stranger', { spec: { parentRefs: [{ name: 'elsewhere' }, { name: 'elsewhere', sectionName: 'tls' }] } }),
  object('web', { spec: { listeners } }, 'Gateway', 'infra'),
];

const statusOf = (kind: string, namespace: string, name: string, status: Readonly<Record<string, unknown>>) => ({
  cluster: 'eu',
  kind,
  namespace,
  name,
  uid: 'u',
  status,
});
const unresolved = condition('ResolvedRefs', 'False', 'BackendNotFound', 'no Service shop/b');
const unaccepted = condition('Accepted', 'False', 'NoMatchingListenerHostname', 'no listener');
const accepted = condition('Accepted', 'True', 'Accepted');
const statuses = [
  statusOf('HTTPRoute', 'shop', 'web', parentStatus(accepted, unresolved)),
  statusOf('HTTPRoute', 'shop', 'refused', parentStatus(unaccepted)),
  statusOf('Gateway', 'infra', 'web', {
    addresses: [{ type: 'IPAddress', value: '192.0.2.1' }],
    conditions: [condition('Programmed', 'True', 'Programmed', 'applied by 1 of 2 nodes')],
    listeners: [{ name: 'https', attachedRoutes: 1, conditions: [accepted] }],
  }),
];

/** The gateway of the sample. */
export const gateway = 'eu/infra/web';

/** Writes three clusters, a gateway with three versions, four routes, three nodes. */
export async function fillFleet({ writer }: Fixture): Promise<void> {
  const { pool } = writer;
  await writer.commit({ clusters: ['eu', 'us', 'old'].map((name) => ({ name, uid: `uid-${name}` })) });
  await pool.query(`insert into agents values
    ('eu', '0.1.0', 'kubernetes', true, 12, '[]', now()),
    ('us', '0.1.0', 'folder', false, 1, '["a.yaml:3: not a mapping"]', now() - interval '1 hour')`);
  await pool.query(`insert into projectors values
    ('a/1', 'a', 7, '0.1.0', 'leading', now() - interval '2 hours', now(), 0, 1, now() + interval '1 hour', '[]'),
    ('b/1', 'b', 8, '0.1.0', 'standing by', now(), now() - interval '5 minutes', null, null, null, '[]')`);
  const noise = { ...event('noise', 1, 1), name: 'other', data: { v: 1, object: null } };
  await writer.commit({ events: [event('e1', 1, 90), noise], gateways: [{ gateway, entries: firstEntries }] });
  const rule = 'rule/HTTPRoute/shop/web/0';
  const second = {
    [rule]: ruleEntry('web', '/2', 'backend/eu/shop/web/80'),
    'backend/eu/shop/new/80': backendEntry('new'),
    'listener/https': null,
  };
  await writer.commit({ events: [event('e2', 2, 50)], gateways: [{ gateway, entries: second }] });
  const command = {
    ...event('c1', 1, 1),
    type: 'rollback',
    kind: 'Gateway',
    namespace: 'infra',
    manager: 'ann',
    operation: 'operator',
    data: {
      v: 1,
      id: 'c1',
      type: 'rollback',
      gateway,
      to: 1,
      reason: 'too many errors',
      actor: { name: 'ann', role: 'operator' },
    },
  };
  const third = {
    [rule]: firstEntries[rule],
    'backend/eu/shop/new/80': null,
    'listener/https': firstEntries['listener/https'],
  };
  await writer.commit({
    events: [command],
    gateways: [{ gateway, entries: third, cause: 'rollback', ofVersion: 1, pinned: true }],
  });
  await writer.commit({ gateways: [{ gateway: 'us/infra/gone', entries: {}, deleted: true }] });
  await writer.commit({ objects, statuses });
  await fillNodes(pool);
}

async function fillNodes(pool: Fixture['writer']['pool']): Promise<void> {
  await pool.query(`insert into nodes values
    ('n1', '0.1.0', '{"zone":"a"}', '["*/*/*"]', '["192.0.2.1"]', 'r1', true, 'live', now(), now()),
    ('n2', '0.1.0', '{}', '["*/*/*"]', '[]', 'r1', true, 'live', now(), now()),
    ('n3', '0.1.0', '{}', '["eu/infra/*"]', '[]', 'r0', true, 'live', now(), now() - interval '5 minutes')`);
  await pool.query(
    `with s as (select version, digest from snapshots where gateway = $1)
     insert into node_gateways values
       ('n1', $1, 3, (select digest from s where version = 3), now(), 4.5, null, null, null),
       ('n2', $1, 1, (select digest from s where version = 1), now(), 3, 3, '["no such cluster"]', now())`,
    [gateway],
  );
}

function event(id: string, generation: number, weight: number): EventFields {
  return {
    id,
    type: 'applied',
    cluster: 'eu',
    kind: 'HTTPRoute',
    namespace: 'shop',
    name: 'web',
    manager: 'kubectl',
    operation: 'Update',
    data: { v: 1, object: httpRoute(generation, weight) },
  };
}
