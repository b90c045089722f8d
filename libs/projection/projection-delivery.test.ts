// Tests which statuses follow from a history and what nodes report; and discovery, which needs no version.
import t from 'tap';
import type { NodeReport } from '#libs/projection/model/delivery/node-report.ts';
import {
  base,
  gateway,
  gatewayClass,
  Given,
  id,
  rollback,
  route,
  service,
  slice,
} from '#libs/testing/given/given-history.ts';
import { applied } from '#libs/testing/given/change-events.ts';

const node = (name: string, version: number, more: Partial<NodeReport> = {}): NodeReport => ({
  node: name,
  connected: true,
  serves: ['eu/*/*'],
  addresses: [`10.0.0.${name}`],
  applied: version === 0 ? [] : [{ gateway: id, version }],
  rejected: [],
  ...more,
});

void t.test('Programmed turns True when all connected nodes have applied the change of the Gateway', async (t) => {
  const given = new Given();
  const programmed = (): string => given.conditions('Gateway', 'web')[1] ?? '';
  given.apply([...base, route('a')]);
  t.equal(programmed(), 'Programmed=False NoResources: no node serves this Gateway');
  const seen = given.projection.setNodes([node('1', 0), node('2', 0), node('3', 0, { serves: ['us/*/*'] })]);
  t.equal(programmed(), 'Programmed=False Pending: applied by 0 of 2 nodes');
  t.match(seen.statuses, [
    { kind: 'Gateway', status: { addresses: [{ value: '10.0.0.1', type: 'IPAddress' }, { value: '10.0.0.2' }] } },
  ]);
  given.projection.setNodes([node('1', 1), node('2', 0)]);
  t.equal(programmed(), 'Programmed=False Pending: applied by 1 of 2 nodes');
  given.projection.setNodes([node('1', 1), node('2', 1)]);
  t.equal(programmed(), 'Programmed=True Programmed: applied by 2 of 2 nodes');
  t.strictSame(given.apply([route('a', '/2')]).statuses, [], 'a changed route is no news for the Gateway');
  t.strictSame(given.projection.setNodes([node('1', 2), node('2', 1)]).statuses, []);
  given.projection.setNodes([
    node('1', 2),
    node('2', 1, { rejected: [{ gateway: id, version: 2, reasons: ['bad regex'] }] }),
  ]);
  t.equal(programmed(), 'Programmed=True Programmed: applied by 2 of 2 nodes; node 2 rejected the newest: bad regex');
  given.apply([gateway(2, 81)]);
  t.equal(programmed(), 'Programmed=False Invalid: applied by 0 of 2 nodes; node 2 rejected the newest: bad regex');
  given.projection.setNodes([node('1', 3, { connected: false })]);
  t.match(programmed(), 'Programmed=Unknown Pending: none of 1 nodes is connected');
  given.projection.setNodes([node('1', 3)]);
  given.apply([], [], [rollback(1)]);
  given.projection.setNodes([node('1', 4)]);
  t.match(
    programmed(),
    /^Programmed=True Programmed: applied by 1 of 1 nodes; held at an earlier version by a rollback/,
  );
  given.apply([gateway(3, 82)]);
  t.match(programmed(), /^Programmed=False Pending: held at an earlier version by a rollback/);
});

void t.test('a silent node counts, and is unknown', async (t) => {
  const given = new Given();
  const programmed = (): string => given.conditions('Gateway', 'web')[1] ?? '';
  const silent = (name: string, version: number): NodeReport =>
    node(name, version, { connected: false, lastSeen: '2026-01-02T03:04:05Z' });
  given.apply([...base, route('a')]);
  given.projection.setNodes([node('1', 1), silent('2', 1)]);
  t.equal(programmed(), 'Programmed=Unknown Pending: applied by 1 of 2 nodes; 2 unknown since 2026-01-02T03:04:05Z');
  given.projection.setNodes([node('1', 0), silent('2', 1)]);
  t.equal(programmed(), 'Programmed=False Pending: applied by 0 of 2 nodes; 2 unknown since 2026-01-02T03:04:05Z');
  given.projection.setNodes([node('1', 1), silent('2', 1), silent('3', 1), silent('4', 1)]);
  t.equal(
    programmed(),
    'Programmed=Unknown Pending: applied by 1 of 4 nodes; 2 unknown since 2026-01-02T03:04:05Z; ' +
      '3 unknown since 2026-01-02T03:04:05Z; 1 more unknown',
  );
  given.projection.setNodes([node('1', 1)]);
  t.equal(programmed(), 'Programmed=True Programmed: applied by 1 of 1 nodes', 'one that left does not count');
});

const labelled = (version: string, labels: Readonly<Record<string, string>>) => ({
  ...gateway(),
  metadata: { name: 'web', namespace: 'infra', labels, resourceVersion: version },
});

void t.test('Programmed counts the nodes that serve the Gateway by its labels', async (t) => {
  const given = new Given();
  const programmed = (): string => given.conditions('Gateway', 'web')[1] ?? '';
  given.apply([gatewayClass, labelled('1', {}), service]);
  given.projection.setNodes([
    node('1', 1, { serves: ['*/*/*?tier=edge'] }),
    node('2', 0, { serves: ['*/*/*?tier!=edge'] }),
  ]);
  t.equal(programmed(), 'Programmed=False Pending: applied by 0 of 1 nodes');
  const change = given.apply([labelled('2', { tier: 'edge' })]);
  t.match(change.gateways, [{ head: 1, labels: { tier: 'edge' } }]);
  t.strictSame(change.versions, []);
  t.equal(programmed(), 'Programmed=True Programmed: applied by 1 of 1 nodes');
  given.projection.setNodes([node('1', 1, { serves: ['*/*/*?!tier'] })]);
  t.equal(programmed(), 'Programmed=False NoResources: no node serves this Gateway');
});

void t.test('a requested address that no node has is named', async (t) => {
  const given = new Given();
  const spec = { ...Object(gateway()['spec']), addresses: [{ value: '192.0.2.1' }] };
  given.apply([gatewayClass, { ...gateway(), spec }]);
  t.equal(
    given.conditions('Gateway', 'web')[1],
    'Programmed=False AddressNotUsable: no node has the address 192.0.2.1',
  );
});

void t.test('discovery follows slices and sealed material without a version', async (t) => {
  const given = new Given();
  const secret = {
    kind: 'Secret',
    metadata: { name: 'cert', namespace: 'infra' },
    summary: { certificate: { fingerprint: 'f1' } },
  };
  const sealed = { keyId: 'k', enc: 'e', ciphertext: 'c' };
  const item = { key: 'tls/eu/infra/cert', cluster: 'eu', fingerprint: 'f1', sealed };
  const first = given.apply(base);
  t.strictSame(
    first.discovery.map(({ key, item }) => [key, item]),
    [['endpoints/eu/infra/svc/80', { kind: 'endpoints', endpoints: [] }]],
  );
  const scaled = given.fold([], { slices: [applied(slice(['10.0.0.2', '10.0.0.1']))] });
  t.strictSame([scaled.versions, scaled.discovery.length], [[], 1]);
  t.strictSame(
    given.fold([], { slices: [applied(slice(['10.0.0.1', '10.0.0.2']), 'eu', '2')] }).discovery,
    [],
    'order is no change',
  );
  const tls = given.fold([applied(secret)], { sealed: [item] });
  t.match(tls.discovery, [
    { key: 'tls/eu/infra/cert', cluster: 'eu', item: { kind: 'tls', fingerprint: 'f1', sealed } },
  ]);
  const renewed = { ...secret, summary: { certificate: { fingerprint: 'f2' } } };
  t.match(
    given.apply([renewed]).discovery,
    [{ key: 'tls/eu/infra/cert', item: null }],
    'old material is not given out as new',
  );
  const resealed = given.fold([], { sealed: [{ ...item, fingerprint: 'f2' }] });
  t.match(resealed.discovery, [{ key: 'tls/eu/infra/cert', item: { fingerprint: 'f2' } }]);
  t.strictSame(
    given.apply([], [secret, service]).discovery.map(({ key, hash, item }) => [key, hash, item]),
    [
      ['endpoints/eu/infra/svc/80', '', null],
      ['tls/eu/infra/cert', '', null],
    ],
  );
});
