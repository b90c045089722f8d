// Tests the projector's pure parts: what it takes from a message, what it makes of a batch, where it reads on.
import t from 'tap';
import { changeSubject, operatorSubject } from '#libs/events/subjects.ts';
import { Projection } from '#libs/projection/projection.ts';
import { ClusterRegistry } from './clusters/cluster-registry.ts';
import { buildCommitRows, noChange } from './store/commit-rows.ts';
import { Intake } from './ingest/intake.ts';
import { jsonbText } from '#libs/runtime/postgres/jsonb-text.ts';
import { parseMessage } from './ingest/message.ts';
import { originOf } from './store/origin.ts';
import { statusMessages, statusPage } from './exchange/status-messages.ts';
import { streamPosition } from './store/stream-position.ts';
import * as shop from './testing/shop.ts';

void t.test('messages', async (t) => {
  const good = shop.route('a', 1);
  t.strictSame(parseMessage(changeSubject('eu'), encode(good)), { type: 'change', event: good });
  t.match(parseMessage(changeSubject('us'), encode(good)), { type: 'bad', reason: 'belongs on fleetgate.change.eu' });
  t.match(parseMessage(changeSubject('eu'), Buffer.from([0xff])), { type: 'bad', reason: /^no JSON/ });
  t.match(parseMessage(changeSubject('eu'), encode({ ...good, uid: 'a\0b' })), { type: 'bad' });
  t.match(parseMessage(changeSubject('eu'), encode({ ...good, at: '+123456-01-01T00:00:00Z' })), { type: 'bad' });
  t.match(parseMessage(changeSubject('eu'), encode({ ...good, kind: 'Pod' })), { type: 'bad', reason: /kind/ });
  const command = shop.command({ type: 'release' });
  t.strictSame(parseMessage(operatorSubject, encode(command)), { type: 'operator', event: command });
  t.match(parseMessage(operatorSubject, encode({ ...command, id: 'eu/uid/1' })), {
    type: 'bad',
    reason: 'id: is no id',
  });
});

void t.test('private keys stay out of the history, whatever an agent sends', async (t) => {
  const key = 'LEAKED';
  const event = shop.secret(1, {
    data: { 'tls.key': key },
    stringData: { 'tls.key': key },
    metadata: {
      name: 'tls',
      namespace: 'infra',
      labels: { app: 'web' },
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': key },
      managedFields: [key],
    },
  });
  const parsed = parseMessage(changeSubject('eu'), encode(event));
  if (parsed.type !== 'change') throw new Error(`${parsed.type}, not change`);
  t.match(parsed.event.object, {
    metadata: { labels: { app: 'web' } },
    summary: { certificate: { fingerprint: /1/ } },
  });
  const intake = new Intake(new ClusterRegistry(), new Projection());
  t.equal(intake.add(parsed.event), 'taken');
  t.match(intake.sealed, [{ key: 'tls/eu/infra/tls', fingerprint: 'fingerprint-1', sealed: { keyId: 'k' } }]);
  const folded = intake.events.map((event, index) => ({ seq: BigInt(index + 1), event }));
  const { events, objects } = buildCommitRows(folded, [], noChange);
  t.notMatch(JSON.stringify([events, objects]), /LEAKED|sealed|ciphertext/);
});

void t.test('a batch keeps what says something new', async (t) => {
  const projection = new Projection();
  const intake = new Intake(
    new ClusterRegistry([['eu', { uid: 'uid-of-eu', shown: null, removedAt: null }]]),
    projection,
  );
  const verdicts = [
    shop.route('a', 2),
    shop.route('a', 2),
    shop.route('a', 1),
    shop.routeGone('a', 3),
    shop.routeGone('a', 3),
    shop.route('a', 2),
    shop.routeGone('b', 1),
    { ...shop.route('c', 1), clusterUid: 'another' },
    shop.route('c', 1, 'us'),
  ].map((event) => intake.add(event));
  t.match(verdicts, [
    'taken',
    'known',
    'known',
    'taken',
    'known',
    'taken',
    'known',
    { refused: /belongs to/ },
    'taken',
  ]);
  t.strictSame([...intake.clusters], [['us', 'uid-of-us']]);
  const folded = intake.events.map((event, index) => ({ seq: BigInt(index + 1), event }));
  const { events, objects, objectsGone } = buildCommitRows(folded, [], noChange);
  t.strictSame(
    events.map(({ id }) => id),
    [
      'eu/eu-HTTPRoute-shop-a/2',
      'eu/eu-HTTPRoute-shop-a/deleted',
      'eu/eu-HTTPRoute-shop-a/2#3',
      'us/us-HTTPRoute-shop-c/1',
    ],
  );
  t.match(objects, [
    { cluster: 'eu', name: 'a', seq: '3' },
    { cluster: 'us', name: 'c', seq: '4' },
  ]);
  t.strictSame(objectsGone, []);
});

void t.test('where to read on', async (t) => {
  const stored = { streamCreated: 'x', streamSeq: 100, storedAt: '17' };
  const at = (firstSeq: number, lastSeq: number, created = 'x', storedAt: string | null = '17') =>
    streamPosition(stored, { created, firstSeq, lastSeq, storedAt });
  t.match(at(1, 120), { checkpoint: stored, startAfterSeq: 36, replayUntil: 0, lost: undefined });
  t.match(at(101, 100), { startAfterSeq: 36, lost: undefined }, 'everything expired after it was read');
  t.match(at(103, 120), { startAfterSeq: 36, lost: /expired/ });
  t.match(at(1, 90), { checkpoint: { streamSeq: 0 }, startAfterSeq: 0, replayUntil: 90, lost: /newest/ });
  t.match(at(1, 120, 'x', '18'), { checkpoint: { streamSeq: 0 }, startAfterSeq: 0, replayUntil: 120, lost: /older/ });
  t.match(at(1, 120, 'x', null), { startAfterSeq: 36, lost: undefined }, 'what was read there is gone, and not known');
  t.match(at(1, 500, 'y'), {
    checkpoint: { streamCreated: 'y', streamSeq: 0 },
    startAfterSeq: 0,
    replayUntil: 0,
    lost: /anew/,
  });
  const empty = { created: 'x', firstSeq: 0, lastSeq: 0, storedAt: null };
  t.match(streamPosition({ streamCreated: null, streamSeq: 0, storedAt: null }, empty), {
    startAfterSeq: 0,
    lost: undefined,
  });
});

void t.test('who made a version, and why', async (t) => {
  const version = {
    gateway: shop.gateway,
    version: 2,
    digest: '',
    entryCount: 1,
    cause: 'change' as const,
    ofVersion: null,
    changes: [{ key: 'rule/HTTPRoute/shop/a/0', hash: 'x' }],
  };
  const fold = (...events: readonly Parameters<typeof originOf>[1][number]['event'][]) =>
    originOf(
      version,
      events.map((event, index) => ({ seq: BigInt(index), event })),
    );
  t.strictSame(fold(shop.route('a', 2), shop.route('b', 2)), { actor: 'test', reason: 'applied HTTPRoute shop/a' });
  t.match(fold(...['c', 'd', 'e', 'f', 'g'].map((name) => shop.route(name, 1))), { reason: /shop\/e and 2 more$/ });
  t.strictSame(fold({ ...shop.route('a', 2), actor: null }), { actor: null, reason: 'applied HTTPRoute shop/a' });
  t.strictSame(fold(shop.command({ type: 'release' })), { actor: 'ann', reason: 'a test' });
});

void t.test('statuses go in messages that NATS takes', async (t) => {
  const big = 'x'.repeat(400_000);
  const change = (cluster: string, name: string) => ({
    cluster,
    kind: 'HTTPRoute',
    namespace: 'shop',
    name,
    uid: 'u',
    status: { big },
  });
  const messages = statusMessages([
    change('eu', 'a'),
    change('us', 'b'),
    change('eu', 'c'),
    change('eu', 'd'),
    { cluster: 'eu', kind: 'HTTPRoute', namespace: 'shop', name: 'e', status: null },
  ]);
  t.match(
    messages.map(({ cluster, page }) => [cluster, page.items.map(({ name }) => name)]),
    [
      ['eu', ['a', 'c']],
      ['eu', ['d']],
      ['us', ['b']],
    ],
  );
  t.notOk(messages.some(({ page }) => page.items.some((item) => 'cluster' in item)));
  t.same(statusPage(new Projection(), 'eu', undefined), { items: [] });
});

void t.test('JSON that jsonb takes', async (t) => {
  t.equal(jsonbText({ a: 'ü\\u0000' }), JSON.stringify({ a: 'ü\\u0000' }));
  t.equal(jsonbText({ a: ['b\0c\ud800', 1, null] }), '{"a":["b\uFFFDc\uFFFD",1,null]}');
});

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
