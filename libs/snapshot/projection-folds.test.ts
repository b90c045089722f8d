// Given a history, when a batch comes, then these versions, heads, statuses and discovery.
import t from 'tap';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import type { OperatorEvent } from '#libs/events/operator-event.ts';
import {
  decideOperator,
  type Limits,
  type NodeReport,
  Projection,
  type ProjectionChange,
  type SealedItem,
  type VersionContent,
} from '#libs/snapshot/projection.ts';
import { digestOf } from '#libs/snapshot/digest.ts';
import { applied, deleted, type Manifest } from '#libs/testing/change-events.ts';

const id = 'eu/infra/web';

/** A projection with the memory that Postgres is to the projector. */
class Given {
  readonly projection: Projection;
  readonly contents: VersionContent[] = [];
  #revision = 0;

  constructor(limits: Partial<Limits> = {}) {
    this.projection = new Projection({ limits });
  }

  apply(
    manifests: readonly Manifest[] = [],
    gone: readonly Manifest[] = [],
    operations: readonly OperatorEvent[] = [],
  ) {
    this.#revision += 1;
    return this.fold([
      ...manifests.map((one) => applied(one, 'eu', `${this.#revision}`)),
      ...gone.map((one) => deleted(one, 'eu', `${this.#revision}`)),
      ...operations,
    ]);
  }

  fold(
    events: readonly (ChangeEvent | OperatorEvent)[],
    rest: { slices?: readonly ChangeEvent[]; sealed?: readonly SealedItem[] } = {},
  ): ProjectionChange {
    const batch = { events: events.map((event, i) => ({ seq: BigInt(i), event })), slices: [], sealed: [], ...rest };
    const change = this.projection.apply(batch, (_, version) => this.content(version));
    const content = this.projection.content(id);
    for (const version of change.versions)
      if (version.gateway === id && content) this.contents[version.version] = content;
    return change;
  }

  content(version: number): VersionContent {
    const content = this.contents[version];
    if (content === undefined) throw new Error(`there is no version ${version}`);
    return content;
  }

  head() {
    const head = this.projection.gatewayHead(id);
    return head && [head.head, head.serving, head.pinned, head.deleted, head.alarm === null ? null : 'alarm'];
  }

  digests() {
    return this.contents.flatMap(({ digest }, version) => [{ version, digest }]);
  }

  /** The conditions of one status as `type=status reason: message`. */
  conditions(kind: string, name: string): readonly string[] {
    const found = this.projection
      .statuses('eu', undefined, 1000)
      .items.find((one) => one.kind === kind && one.name === name);
    return conditionsOf(found?.status['conditions']);
  }
}

function conditionsOf(list: unknown): readonly string[] {
  if (!Array.isArray(list)) return [];
  return list.map((one: Readonly<Record<string, unknown>>) => {
    const [type, status, reason, message] = ['type', 'status', 'reason', 'message'].map((field) => String(one[field]));
    return `${type}=${status} ${reason}: ${message}`.replace(/: $/, '');
  });
}

const gatewayClass = {
  kind: 'GatewayClass',
  metadata: { name: 'f' },
  spec: { controllerName: 'fleetgate.dev/gateway-controller' },
};
const gateway = (generation = 1, port = 80): Manifest => ({
  kind: 'Gateway',
  metadata: { name: 'web', namespace: 'infra', generation },
  spec: { gatewayClassName: 'f', listeners: [{ name: 'http', port, protocol: 'HTTP' }] },
});
const service = {
  kind: 'Service',
  metadata: { name: 'svc', namespace: 'infra' },
  spec: { ports: [{ name: 'web', port: 80 }] },
};
const route = (name: string, path = '/'): Manifest => ({
  kind: 'HTTPRoute',
  metadata: { name, namespace: 'infra' },
  spec: {
    parentRefs: [{ name: 'web' }],
    hostnames: [`${name}.example.com`],
    rules: [{ matches: [{ path: { value: path } }], backendRefs: [{ name: 'svc', port: 80 }] }],
  },
});
const slice = (addresses: readonly string[]): Manifest => ({
  kind: 'EndpointSlice',
  metadata: { name: 's', namespace: 'infra', labels: { 'kubernetes.io/service-name': 'svc' } },
  ports: [{ name: 'web', port: 8080 }],
  endpoints: addresses.map((address) => ({ addresses: [address] })),
});
const routes = (count: number): readonly Manifest[] => Array.from({ length: count }, (_, i) => route(`r${i}`));
const base = [gatewayClass, gateway(), service];
const operation = {
  v: 1,
  id: 'c1',
  gateway: id,
  actor: { name: 'ann', role: 'operator' },
  at: '2026-01-01T00:00:00Z',
} as const;
const rollback = (to: number): OperatorEvent => ({ ...operation, type: 'rollback', to });
const release: OperatorEvent = { ...operation, type: 'release' };
const accept: OperatorEvent = { ...operation, type: 'accept' };

void t.test('versions follow the content', async (t) => {
  const given = new Given();
  const first = given.apply([...base, route('a')]);
  t.strictSame(given.head(), [1, 1, false, false, null]);
  t.strictSame(
    first.versions.map(({ version, cause, ofVersion, entryCount, changes }) => [
      version,
      cause,
      ofVersion,
      entryCount,
      changes.length,
    ]),
    [[1, 'change', null, 3, 3]],
  );
  t.equal(first.versions[0]?.digest, digestOf(given.content(1).entries));
  t.strictSame(given.apply([route('a')]).versions, [], 'equal content is no version');
  t.strictSame(
    given.apply([{ ...route('a'), metadata: { name: 'a', namespace: 'infra', labels: { x: 'y' } } }]).versions,
    [],
  );
  const second = given.apply([route('a', '/new')]);
  t.strictSame(
    second.versions[0]?.changes.map(({ key }) => key),
    ['rule/HTTPRoute/infra/a/0'],
  );
  t.equal(second.entries.size, 1);
  const there = given.apply([route('b')], [route('b')]);
  t.strictSame([there.versions, there.gateways], [[], []], 'what comes and goes in one batch leaves nothing');
});

void t.test('a deleted Gateway is a version without entries, and goes on when it comes back', async (t) => {
  const given = new Given();
  given.apply([...base, route('a')]);
  const gone = given.apply([], [gateway()]);
  t.strictSame(given.head(), [2, 2, false, true, null]);
  t.equal(gone.versions[0]?.entryCount, 0);
  t.ok(gone.statuses.some((one) => one.kind === 'Gateway' && one.status === null));
  t.strictSame(
    gone.statuses.find((one) => one.kind === 'HTTPRoute')?.status,
    { parents: [] },
    'the route has no parent of ours any more',
  );
  given.apply([gateway()]);
  t.strictSame(given.head(), [3, 3, false, false, null]);
  t.equal(given.content(3).digest, given.content(1).digest);
});

void t.test(
  'a rollback serves old content as a new version and pins; candidates follow; a release lets go',
  async (t) => {
    const given = new Given();
    given.apply([...base, route('a', '/1')]);
    given.apply([route('a', '/2')]);
    const back = given.apply([], [], [rollback(1)]);
    t.strictSame([back.versions[0]?.cause, back.versions[0]?.ofVersion], ['rollback', 1]);
    t.equal(back.versions[0]?.digest, given.content(1).digest);
    t.strictSame(given.head(), [3, 3, true, false, null]);
    t.strictSame(given.apply([route('a', '/2')]).versions, [], 'nothing changed, so there is no candidate');
    given.apply([route('a', '/4')]);
    t.strictSame(given.head(), [4, 3, true, false, null]);
    given.apply([route('a', '/5')]);
    t.strictSame(given.head(), [5, 3, true, false, null]);
    const released = given.apply([], [], [release]);
    t.strictSame([released.versions, given.head()], [[], [5, 5, false, false, null]], 'the candidate serves as it is');
  },
);

void t.test('a release without a candidate makes a version of what is asked for now', async (t) => {
  const given = new Given();
  given.apply([...base, route('a', '/1')]);
  given.apply([route('a', '/2')]);
  given.apply([], [], [rollback(1)]);
  const released = given.apply([], [], [release]);
  t.equal(released.versions[0]?.cause, 'release');
  t.strictSame(given.head(), [4, 4, false, false, null]);
  t.equal(given.content(4).digest, given.content(2).digest);
});

void t.test('a commit makes at most one version of a gateway', async (t) => {
  const given = new Given();
  given.apply([...base, route('a', '/1')]);
  given.apply([route('a', '/2')]);
  t.strictSame(given.apply([route('a', '/3')], [], [rollback(1)]).versions.length, 1);
  t.strictSame(given.head(), [3, 3, true, false, null]);
  t.strictSame(
    given.apply([route('a', '/4')], [], [release]).versions.map(({ cause }) => cause),
    ['release'],
  );
  t.strictSame(given.head(), [4, 4, false, false, null]);
  const both = given.apply([], [], [rollback(1), release]);
  t.strictSame([both.versions, given.head()], [[], [4, 4, false, false, null]], 'the last decision counts');
});

void t.test('a rollback brings a deleted Gateway back until it is released', async (t) => {
  const given = new Given();
  given.apply([...base, route('a')]);
  given.apply([], [gateway()]);
  given.apply([], [], [rollback(1)]);
  t.strictSame(given.head(), [3, 3, true, false, null]);
  given.apply([], [], [release]);
  t.strictSame(given.head(), [4, 4, false, true, null]);
});

void t.test(
  'a commit that removes most rules is held back until they are back or an operator accepts it',
  async (t) => {
    const given = new Given({ removedMin: 3 });
    given.apply([...base, ...routes(5)]);
    t.strictSame(given.apply([], routes(2)).versions.length, 1, 'two are under the minimum');
    const held = given.apply([], [gateway()]);
    t.strictSame([held.versions, given.head()], [[], [2, 2, false, false, 'alarm']]);
    t.match(held.gateways[0]?.alarm, 'held back: 3 of 3 rules would go at once');
    given.apply([gateway()]);
    t.strictSame(given.head(), [2, 2, false, false, null], 'the alarm clears itself');
    given.apply([], [gateway()]);
    const accepted = given.apply([], [], [accept]);
    t.strictSame([accepted.versions.length, given.head()], [1, [3, 3, false, true, null]]);
  },
);

void t.test('what is held back stays held while other things change', async (t) => {
  const given = new Given({ removedMin: 3 });
  given.apply([...base, ...routes(5)]);
  given.apply([], routes(4));
  t.strictSame(given.head(), [1, 1, false, false, 'alarm']);
  t.strictSame(given.apply([route('new')]).versions, []);
  const back = given.apply(routes(2));
  t.strictSame([back.versions.length, given.head()], [1, [2, 2, false, false, null]], 'now only two of five go');
  t.ok(back.entries.size >= 1, 'the entry that was held comes with its version');
});

void t.test('too many entries and too many bytes are held back; shrinking is not', async (t) => {
  const given = new Given({ entriesMax: 4 });
  given.apply([...base, ...routes(2)]);
  given.apply([route('c'), route('d')]);
  t.strictSame(given.head(), [1, 1, false, false, 'alarm']);
  given.apply([], [], [accept]);
  t.strictSame(given.head(), [2, 2, false, false, null]);
  given.apply([], [route('d')]);
  t.strictSame(given.head(), [3, 3, false, false, null], 'five entries are over the limit, but fewer than before');
  const bytes = new Given({ bytesMax: 100 });
  const first = bytes.apply([...base, route('a')]);
  t.strictSame(bytes.head(), [1, 1, false, false, 'alarm'], 'even a first version');
  t.equal(first.versions[0]?.entryCount, 0);
});

void t.test('commands are decided against what is known', async (t) => {
  const given = new Given({ removedMin: 3 });
  const decide = (command: OperatorEvent): unknown => {
    const decision = decideOperator(given.projection.gatewayHead(id), command, given.digests());
    return 'event' in decision ? ('to' in decision.event ? decision.event.to : 'ok') : decision.refused.code;
  };
  const back: OperatorEvent = { ...operation, type: 'rollback', to: null };
  t.equal(decide(back), 'unknown-gateway');
  given.apply([...base, route('a', '/1')]);
  t.equal(decide(back), 'no-earlier-version');
  t.equal(decide(release), 'not-pinned');
  t.equal(decide(accept), 'nothing-held');
  given.apply([route('a', '/2')]);
  t.equal(decide(back), 1);
  t.equal(decide(rollback(2)), 2, 'a gateway may be pinned where it is');
  t.equal(decide(rollback(9)), 'unknown-version');
  given.apply([], [], [rollback(1)]);
  t.equal(decide(back), 2, 'the newest below with another content');
  t.equal(decide(release), 'ok');
  given.apply([], [], [release]);
  given.apply(routes(4));
  given.apply([], routes(4));
  t.equal(decide(accept), 'ok');
});

void t.test('stale and repeated events change nothing', async (t) => {
  const given = new Given();
  given.apply(base);
  const old = applied(route('a', '/old'), 'eu', '9');
  const now = applied(route('a', '/now'), 'eu', '10');
  t.notOk(given.projection.knows(now));
  given.fold([now]);
  t.ok(given.projection.knows(now));
  t.ok(given.projection.knows(old), '9 is before 10 as a number');
  t.strictSame(given.fold([old]).versions, []);
  t.notOk(given.projection.knows({ ...old, resourceVersion: 'opaque' }), 'what cannot be compared is taken');
  t.notOk(given.projection.knows({ ...old, via: 'relist' }), 'a relist is believed');
  t.ok(given.projection.knows({ ...deleted(route('a'), 'eu', '11'), uid: 'another' }));
  given.fold([deleted(route('a'), 'eu', '11')]);
  t.ok(given.projection.knows(deleted(route('a'), 'eu', '12')));
});

void t.test('Programmed turns True when all connected nodes have applied the change of the Gateway', async (t) => {
  const given = new Given();
  const node = (name: string, version: number, more: Partial<NodeReport> = {}): NodeReport => ({
    node: name,
    connected: true,
    serves: ['eu/*/*'],
    addresses: [`10.0.0.${name}`],
    applied: version === 0 ? [] : [{ gateway: id, version }],
    rejected: [],
    ...more,
  });
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
  given.projection.setNodes([node('1', 3), node('2', 3, { connected: false })]);
  t.equal(programmed(), 'Programmed=True Programmed: applied by 1 of 1 nodes');
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
  t.strictSame(
    given.apply([], [secret, service]).discovery.map(({ key, hash, item }) => [key, hash, item]),
    [
      ['endpoints/eu/infra/svc/80', '', null],
      ['tls/eu/infra/cert', '', null],
    ],
  );
});

void t.test('a loaded projection says nothing new and goes on as the one before', async (t) => {
  const given = new Given({ removedMin: 3 });
  given.apply([...base, ...routes(5)]);
  given.apply([], routes(4));
  const head = given.projection.gatewayHead(id);
  if (head === undefined) throw new Error('the gateway has a head');
  const again = new Projection({ limits: { removedMin: 3 } });
  const objects = [...base, route('r4')].map((one) => {
    const { hash, object } = applied(one, 'eu', '1');
    return { cluster: 'eu', hash, object: object ?? Object(null) };
  });
  again.load({
    objects,
    slices: [],
    sealed: [],
    gateways: [{ ...head, content: given.content(1), since: 1 }],
    nodes: [],
  });
  t.strictSame(again.gatewayHead(id), head);
  t.strictSame(again.statuses('eu', undefined, 100), given.projection.statuses('eu', undefined, 100));
  const batch = { events: [{ seq: 9n, event: accept }], slices: [], sealed: [] };
  t.strictSame(
    again.apply(batch, () => given.content(1)),
    given.projection.apply(batch, () => given.content(1)),
  );
});

void t.test('pages are ordered and complete', async (t) => {
  const given = new Given();
  given.apply([...base, ...routes(7)]);
  for (const page of [
    (after: string | undefined) => given.projection.inventory('eu', after, 4),
    (after: string | undefined) => given.projection.statuses('eu', after, 4),
  ]) {
    const sizes: number[] = [];
    for (let after: string | undefined, more = true; more;) {
      const { items, next } = page(after);
      sizes.push(items.length);
      after = next;
      more = next !== undefined;
    }
    t.ok(sizes.length > 1);
    t.ok(sizes.slice(0, -1).every((size) => size === 4));
  }
  t.strictSame(given.projection.inventory('us', undefined, 10), { items: [] });
  t.strictSame(
    given.projection.inventory('eu', undefined, 2).items.map(({ key, generation }) => [key, generation]),
    [
      ['Gateway/infra/web', 1],
      ['GatewayClass//f', 1],
    ],
  );
});
