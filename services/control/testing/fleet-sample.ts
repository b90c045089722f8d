// For tests: a small fleet in Postgres, with something of everything that the API shows.
import type { Fixture } from './control-fixture.ts';
import { type EventFields, backendEntry, firstEntries, ruleEntry } from './fleet-writer.ts';

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

/** The gateway of the sample. */
export const gateway = 'eu/infra/web';

/** Three clusters, a gateway with three versions, four routes, three nodes. */
export async function fillFleet({ writer }: Fixture): Promise<void> {
  const { pool } = writer;
  await pool.query(
    `insert into clusters values ('eu', 'uid-eu', now()), ('us', 'uid-us', now()), ('old', 'uid-old', now())`,
  );
  await pool.query(`insert into agents values
    ('eu', '0.1.0', 'kubernetes', true, 12, '[]', now()), ('us', '0.1.0', 'folder', false, 1, '["a.yaml:3: not a mapping"]', now() - interval '1 hour')`);
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
  await fillObjects(pool);
  await pool.query(`insert into nodes values
    ('n1', '0.1.0', '{"zone":"a"}', '["*/*/*"]', '["192.0.2.1"]', 'r1', true, 'live', now(), now()),
    ('n2', '0.1.0', '{}', '["*/*/*"]', '[]', 'r1', true, 'live', now(), now()),
    ('n3', '0.1.0', '{}', '["eu/infra/*"]', '[]', 'r0', true, 'live', now(), now() - interval '5 minutes')`);
  await pool.query(
    `insert into node_gateways values ('n1', $1, 3, (select digest from snapshots where gateway = $1 and version = 3), now(), 4.5, null, null, null),
       ('n2', $1, 1, (select digest from snapshots where gateway = $1 and version = 1), now(), 3, 3, '["no such cluster"]', now())`,
    [gateway],
  );
}

async function fillObjects(pool: Fixture['writer']['pool']): Promise<void> {
  const object = (name: string, data: unknown, kind = 'HTTPRoute', namespace = 'shop') =>
    pool.query(`insert into objects values ('eu', $1, $2, $3, $3, 'h', 7, 'kubectl', 'Apply', now(), $4)`, [
      kind,
      namespace,
      name,
      JSON.stringify(data),
    ]);
  await object('web', httpRoute(2, 50));
  await object('refused', httpRoute(1, 1));
  await object('orphan', { ...{ spec: { hostnames: 'not a list', rules: 7, parentRefs: [{ noName: true }] } } });
  await object('broken', `\0 not an object`);
  const listeners = [
    { name: 'https', port: 443, protocol: 'HTTPS', hostname: '*.example.com' },
    { name: 'bad', port: 'x' },
  ];
  await object('web', { spec: { listeners } }, 'Gateway', 'infra');
  const status = (kind: string, namespace: string, name: string, value: unknown) =>
    pool.query(`insert into statuses values ('eu', $1, $2, $3, 'u', $4)`, [
      kind,
      namespace,
      name,
      JSON.stringify(value),
    ]);
  const unresolved = condition('ResolvedRefs', 'False', 'BackendNotFound', 'no Service shop/b');
  await status('HTTPRoute', 'shop', 'web', parentStatus(condition('Accepted', 'True', 'Accepted'), unresolved));
  await status(
    'HTTPRoute',
    'shop',
    'refused',
    parentStatus(condition('Accepted', 'False', 'NoMatchingListenerHostname', 'no listener')),
  );
  await status('Gateway', 'infra', 'web', {
    addresses: [{ type: 'IPAddress', value: '192.0.2.1' }],
    conditions: [condition('Programmed', 'True', 'Programmed', 'applied by 1 of 2 nodes')],
    listeners: [{ name: 'https', attachedRoutes: 1, conditions: [condition('Accepted', 'True', 'Accepted')] }],
  });
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
