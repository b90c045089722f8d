// The node's side of the protocol, by data: messages and outcomes in, effects out.
import * as fc from 'fast-check';
import t from 'tap';
import { sha256 } from '#libs/gateway/canonical.ts';
import { digestOf } from '#libs/snapshot/digest.ts';
import type { StoredEntry } from '#libs/snapshot/entry.ts';
import type { Held, HubMessage, SnapshotMessage } from './messages.ts';
import { NodeSession, type NodeContent, type NodeIdentity } from './node-session.ts';
import { parseHubText } from './parse-hub-message.ts';

type Content = Readonly<Record<string, string>>;

const identity: NodeIdentity = {
  node: 'node-1',
  version: '0.0.0',
  labels: { region: 'eu' },
  serves: ['*/*/*'],
  addresses: ['192.0.2.1'],
};

void t.test('a full snapshot is activated, then reported with its time', (t) => {
  const session = new NodeSession(identity);
  const one = held('eu/a/gw', 1, { a: '1', b: '2' });
  t.match(session.receive(full(one, { a: '1', b: '2' }), 100), [
    { type: 'activate', activation: { ...one, changes: changes({ a: '1', b: '2' }) } },
  ]);
  t.same(session.held(), [], 'nothing serves before it is applied');
  t.same(session.applied(104), [{ type: 'send', message: { type: 'applied', ...one, tookMs: 4 } }]);
  t.same(session.held(), [one]);
  t.equal(session.idle, true);
  t.end();
});

void t.test('a delta changes only what it names, and its undo brings it back', (t) => {
  const { session, one } = serving({ a: '1', b: '2', c: '3' });
  const two = held('eu/a/gw', 2, { a: '1', b: '9', d: '4' });
  const [effect] = session.receive(delta(one, two, { b: '9', d: '4' }, ['c']), 0);
  t.match(effect, { type: 'activate', activation: { ...two } });
  if (effect?.type !== 'activate') throw new Error('not activated');
  t.same(effect.activation.changes, changes({ b: '9', d: '4', c: null }));
  t.same(effect.activation.undo, changes({ b: '2', d: null, c: '3' }));
  session.applied(0);
  t.same(contentOf(session), { a: '1', b: '9', d: '4' });
  t.end();
});

void t.test('a full snapshot over a served one removes what it does not name', (t) => {
  const { session } = serving({ a: '1', b: '2' });
  const two = held('eu/a/gw', 2, { b: '2', c: '3' });
  const [effect] = session.receive(full(two, { b: '2', c: '3' }), 0);
  t.ok(effect?.type === 'activate');
  if (effect?.type === 'activate') t.same(effect.activation.changes, changes({ a: null, c: '3' }));
  t.end();
});

void t.test('what does not fit is asked for again, whole', (t) => {
  const resend = [{ type: 'send', message: { type: 'resend', gateway: 'eu/a/gw' } }];
  const two = held('eu/a/gw', 2, { a: '2' });
  const cases: Record<string, (one: Held) => HubMessage> = {
    'an unknown base': () => delta(held('eu/a/gw', 7, { z: '1' }), two, { a: '2' }),
    'another digest of the base version': (one) => delta({ ...one, digest: sha256('other') }, two, { a: '2' }),
    'a digest that the result does not have': (one) => delta(one, { ...two, digest: sha256('x') }, { a: '2' }),
    'an entry that is not what its hash says': (one) => ({
      ...delta(one, two, {}),
      upserts: [{ key: 'a', hash: sha256('2'), json: '3' }],
    }),
  };
  for (const [name, message] of Object.entries(cases)) {
    const { session, one } = serving({ a: '1' });
    t.same(session.receive(message(one), 0), resend, name);
    t.same(contentOf(session), { a: '1' });
    t.match(session.receive(full(two, { a: '2' }), 0), [{ type: 'activate' }], `${name}: the full one is taken`);
  }
  t.end();
});

void t.test('a full snapshot with a wrong digest is rejected, not asked for without end', (t) => {
  const { session, one } = serving({ a: '1' });
  const two = { ...held('eu/a/gw', 2, { a: '2' }), digest: sha256('x') };
  t.match(session.receive(full(two, { a: '2' }), 0), [
    { type: 'send', message: { type: 'rejected', ...two, serving: one } },
  ]);
  t.end();
});

void t.test('what serves already is applied at once, what is on its way is not started twice', (t) => {
  const { session, one } = serving({ a: '1' });
  t.same(session.receive(full(one, { a: '1' }), 5), [
    { type: 'send', message: { type: 'applied', ...one, tookMs: 0 } },
  ]);
  const three = held('eu/a/gw', 3, { a: '3' });
  session.receive(delta(one, three, { a: '3' }), 5);
  t.same(session.receive(delta(one, three, { a: '3' }), 6), []);
  t.end();
});

void t.test('latest wins: of what waits for an activation only the newest is activated', (t) => {
  const { session, one } = serving({ a: '1' });
  const two = held('eu/a/gw', 2, { a: '2', b: '1' });
  const three = held('eu/a/gw', 3, { a: '2', b: '2' });
  const four = held('eu/a/gw', 4, { a: '4', c: '1' });
  session.receive(delta(one, two, { a: '2', b: '1' }), 1);
  t.same(session.receive(delta(two, three, { b: '2' }), 2), [], 'a base that is being activated');
  t.same(session.receive(delta(three, four, { a: '4', c: '1' }, ['b']), 3), [], 'a base that waits');
  const [applied, next] = session.applied(9);
  t.same(applied, { type: 'send', message: { type: 'applied', ...two, tookMs: 8 } });
  t.ok(next?.type === 'activate');
  if (next?.type === 'activate') {
    t.match(next.activation, four);
    t.same(next.activation.changes, changes({ a: '4', b: null, c: '1' }), 'over what serves now');
    t.same(next.activation.undo, changes({ a: '2', b: '1', c: null }));
  }
  session.applied(10);
  t.same(contentOf(session), { a: '4', c: '1' });
  t.end();
});

void t.test('a rejected one leaves what serves, and the one that waited is tried', (t) => {
  const { session, one } = serving({ a: '1' });
  const two = held('eu/a/gw', 2, { a: 'bad' });
  const three = held('eu/a/gw', 3, { a: 'good' });
  session.receive(delta(one, two, { a: 'bad' }), 1);
  session.receive(delta(two, three, { a: 'good' }), 2);
  const [rejected, next] = session.rejected(['no']);
  t.same(rejected, { type: 'send', message: { type: 'rejected', ...two, reasons: ['no'], serving: one } });
  t.ok(next?.type === 'activate');
  if (next?.type === 'activate') t.same(next.activation.changes, changes({ a: 'good' }));
  t.end();
});

void t.test('gateways are activated one at a time, in turn', (t) => {
  const session = new NodeSession(identity);
  const a1 = held('eu/a/gw', 1, { a: '1' });
  const a2 = held('eu/a/gw', 2, { a: '2' });
  const b1 = held('eu/b/gw', 1, { b: '1' });
  session.receive(full(a1, { a: '1' }), 0);
  session.receive(full(b1, { b: '1' }), 0);
  session.receive(delta(a1, a2, { a: '2' }), 0);
  t.match(session.applied(0).at(-1), { type: 'activate', activation: b1 });
  t.match(session.applied(0).at(-1), { type: 'activate', activation: a2 });
  session.applied(0);
  t.same(session.hello().held, [b1, a2]);
  t.end();
});

void t.test('hello says what is held, also after a start from saved content', (t) => {
  const { session, one } = serving({ a: '1' });
  const item = { kind: 'endpoints', endpoints: [{ address: '192.0.2.7', port: 80 }] } as const;
  const message: HubMessage = { type: 'discovery', upserts: [{ key: 'endpoints/x', hash: 'h1', item }], removes: [] };
  t.same(session.receive(message, 0), [{ type: 'discovery', message }]);
  const again = new NodeSession(identity, copyOf(session));
  t.match(again.hello(), { type: 'hello', protocol: 1, ...identity, held: [one], discovery: { 'endpoints/x': 'h1' } });
  const two = held('eu/a/gw', 2, {});
  t.match(again.receive(delta(one, two, {}, ['a']), 0), [{ type: 'activate', activation: two }], 'a deleted gateway');
  again.applied(0);
  t.same(again.ping('live'), { type: 'ping', held: [two], envoy: 'live' });
  again.receive({ type: 'discovery', upserts: [], removes: ['endpoints/x'] }, 0);
  t.same(again.hello().discovery, {});
  t.end();
});

void t.test('property: whatever is accepted, waits or fails, what serves is a version that was sent, whole', (t) => {
  const content = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd', 'e'), fc.constantFrom('1', '2', '3'));
  const step = fc.record({
    content,
    as: fc.constantFrom('full', 'delta of serving', 'delta of newest'),
    outcome: fc.constantFrom('none', 'applied', 'rejected'),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const session = new NodeSession(identity);
      const sent = new Map<number, Content>();
      let newest: Held | null = null;
      for (const [index, { content, as, outcome }] of steps.entries()) {
        const target = held('eu/a/gw', index + 1, content);
        const base: Held | null =
          as === 'full' ? null : as === 'delta of newest' ? newest : (session.held()[0] ?? null);
        const from = base === null ? {} : (sent.get(base.version) ?? {});
        const effects = session.receive(
          base === null ? full(target, content) : between(base, from, target, content),
          0,
        );
        // A rejected base is no longer known; everything else must be understood.
        if (!effects.some((effect) => effect.type === 'send')) newest = target;
        sent.set(target.version, content);
        if (session.idle) continue;
        if (outcome === 'applied') session.applied(0);
        if (outcome === 'rejected') session.rejected(['no']);
      }
      while (!session.idle) session.applied(0);
      const [serving] = session.held();
      if (serving === undefined) return true;
      const expected = sent.get(serving.version) ?? {};
      t.same(contentOf(session), expected);
      return digestOf(Object.entries(contentOf(session)).map(([k, v]) => [k, sha256(v)])) === serving.digest;
    }),
    { numRuns: 300 },
  );
  t.end();
});

void t.test('messages of a hub are read or refused', (t) => {
  const one = held('eu/a/gw', 1, { a: '1' });
  const good: HubMessage[] = [
    { type: 'pong' },
    full(one, { a: '1' }),
    {
      type: 'discovery',
      upserts: [
        { key: 'endpoints/a', hash: 'h', item: { kind: 'endpoints', endpoints: [{ address: '::1', port: 1 }] } },
        {
          key: 'tls/a',
          hash: 'h',
          item: { kind: 'tls', fingerprint: 'f', sealed: { keyId: 'k', enc: 'e', ciphertext: 'c' } },
        },
      ],
      removes: ['tls/b'],
    },
  ];
  for (const message of good) t.same(parseHubText(JSON.stringify(message)), { message });
  const bad: unknown[] = [
    null,
    [],
    { type: 'dance' },
    { ...full(one, {}), version: 0 },
    { ...full(one, {}), base: undefined },
    { ...full(one, {}), upserts: [{ key: 'a', hash: 'h' }] },
    { ...full(one, {}), removes: [1] },
    { type: 'discovery', upserts: [{ key: 'a', hash: 'h', item: { kind: 'x' } }], removes: [] },
    {
      type: 'discovery',
      upserts: [{ key: 'a', hash: 'h', item: { kind: 'endpoints', endpoints: [{ address: 'x', port: 70_000 }] } }],
      removes: [],
    },
  ];
  for (const message of bad) t.match(parseHubText(JSON.stringify(message)), { problem: String });
  t.match(parseHubText('{'), { problem: String });
  t.end();
});

function serving(content: Content): { readonly session: NodeSession; readonly one: Held } {
  const session = new NodeSession(identity);
  const one = held('eu/a/gw', 1, content);
  session.receive(full(one, content), 0);
  session.applied(0);
  return { session, one };
}

function held(gateway: string, version: number, content: Content): Held {
  return { gateway, version, digest: digestOf(Object.entries(content).map(([key, json]) => [key, sha256(json)])) };
}

function upsertsOf(content: Content): SnapshotMessage['upserts'] {
  return Object.entries(content).map(([key, json]) => ({ key, hash: sha256(json), json }));
}

function full(target: Held, content: Content): SnapshotMessage {
  return { type: 'snapshot', ...target, base: null, upserts: upsertsOf(content), removes: [] };
}

function delta(base: Held, target: Held, upserts: Content, removes: readonly string[] = []): SnapshotMessage {
  const { version, digest } = base;
  return { type: 'snapshot', ...target, base: { version, digest }, upserts: upsertsOf(upserts), removes };
}

function between(base: Held, from: Content, target: Held, to: Content): SnapshotMessage {
  const upserts = Object.fromEntries(Object.entries(to).filter(([key, json]) => from[key] !== json));
  return delta(
    base,
    target,
    upserts,
    Object.keys(from).filter((key) => !(key in to)),
  );
}

function changes(content: Readonly<Record<string, string | null>>): ReadonlyMap<string, StoredEntry | null> {
  return new Map(
    Object.entries(content).map(([key, json]) => [key, json === null ? null : { hash: sha256(json), json }]),
  );
}

function contentOf(session: NodeSession): Content {
  const [gateway] = session.content().gateways;
  return Object.fromEntries([...(gateway?.entries ?? [])].map(([key, { json }]) => [key, json]));
}

function copyOf(session: NodeSession): NodeContent {
  const { gateways, discovery } = session.content();
  return {
    gateways: gateways.map(({ gateway, version, digest, entries }) => ({
      gateway,
      version,
      digest,
      entries: new Map(entries),
    })),
    discovery: new Map(discovery),
  };
}
