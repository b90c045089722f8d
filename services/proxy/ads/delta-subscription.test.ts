// Tests one type on one incremental stream, by data: requests in, responses out.
import * as fc from 'fast-check';
import t from 'tap';
import type { DeltaRequest } from '#libs/xds/encode/encode.ts';
import {
  DeltaSubscription,
  type SubscriptionOptions,
  type SubscriptionResponse,
  type WireResource,
} from './delta-subscription.ts';

/** An Envoy as far as one type goes: it takes a response whole, or of a refused one some part. */
class Envoy {
  readonly held = new Map<string, string>();
  readonly named = new Set<string>();
  readonly #table: ReadonlyMap<string, WireResource>;
  readonly #options: SubscriptionOptions;
  subscription: DeltaSubscription;
  #onTheWay: SubscriptionResponse | null = null;

  constructor(table: ReadonlyMap<string, WireResource>, options: SubscriptionOptions) {
    this.#table = table;
    this.#options = options;
    this.subscription = new DeltaSubscription(table, options);
    this.#start();
  }

  send(): void {
    this.#onTheWay ??= this.subscription.next('all');
  }

  answer(how: 'take' | 'refuse'): void {
    const response = this.#onTheWay;
    if (response === null) return;
    this.#onTheWay = null;
    const resources = how === 'take' ? response.resources : response.resources.slice(1);
    for (const { name, version } of resources) this.held.set(name, version);
    if (how === 'take') for (const name of response.removed) this.held.delete(name);
    this.subscription.receive(request({ nonce: response.nonce, error: how === 'take' ? undefined : 'no' }));
  }

  name(name: string, how: 'name' | 'unname'): void {
    if (this.#options.wildcard) return;
    if (how === 'name') this.named.add(name);
    else {
      this.named.delete(name);
      this.held.delete(name);
    }
    this.subscription.receive(request(how === 'name' ? { subscribe: [name] } : { unsubscribe: [name] }));
  }

  reconnect(): void {
    this.#onTheWay = null;
    this.subscription = new DeltaSubscription(this.#table, this.#options);
    this.#start();
  }

  rest(): void {
    this.send();
    while (this.#onTheWay !== null) {
      this.answer('take');
      this.send();
    }
  }

  #start(): void {
    this.subscription.receive(request({ subscribe: [...this.named], initialVersions: Object.fromEntries(this.held) }));
  }
}

void t.test('wildcard: who leaves and comes back is answered again, also when there is nothing', (t) => {
  const { subscription } = wildcard({});
  subscription.receive(request({}));
  t.same(say(subscription.next('all')), []);
  subscription.receive(request({ nonce: '1' }));
  subscription.receive(request({ unsubscribe: ['*'] }));
  t.equal(subscription.next('all'), null);
  subscription.receive(request({ subscribe: ['*'] }));
  t.ok(subscription.next('all'), 'it waits for an answer');
  t.end();
});

void t.test('wildcard: everything at first, then what changes, one response at a time', (t) => {
  const { table, subscription } = wildcard({ a: '1', b: '1' });
  t.equal(subscription.next('all'), null, 'nothing before Envoy asks');
  subscription.receive(request({}));
  t.same(say(subscription.next('all')), ['a@1', 'b@1']);
  change(table, subscription, { a: '2', c: '1' });
  t.equal(subscription.next('all'), null, 'one is on its way');
  change(table, subscription, { a: '3', b: null });
  subscription.receive(request({ nonce: '1' }));
  t.same(say(subscription.next('all')), ['a@3', 'c@1', '-b'], 'only the newest');
  t.equal(subscription.isInForce('a'), false);
  subscription.receive(request({ nonce: '2' }));
  t.same(
    ['a', 'b', 'c'].map((name) => subscription.isInForce(name)),
    [true, true, true],
  );
  t.equal(subscription.next('all'), null);
  t.end();
});

void t.test('a stream that returns gets what differs from what it states', (t) => {
  const { subscription } = wildcard({ same: '1', other: '2', added: '1' });
  subscription.receive(request({ initialVersions: { same: '1', other: '1', gone: '1' } }));
  t.equal(subscription.isInForce('same'), true);
  t.same(say(subscription.next('all')), ['other@2', 'added@1', '-gone']);

  const nothing = wildcard({ same: '1' });
  nothing.subscription.receive(request({ initialVersions: { same: '1' } }));
  t.equal(nothing.subscription.next('all'), null, 'nothing differs, nothing is sent');

  const empty = wildcard({});
  empty.subscription.receive(request({}));
  t.same(
    empty.subscription.next('all'),
    { resources: [], removed: [], nonce: '1' },
    'who has nothing waits for an answer',
  );
  empty.subscription.receive(request({ nonce: '1' }));
  t.equal(empty.subscription.next('all'), null);

  const named = byName({ a: '1', b: '2' });
  named.subscription.receive(request({ subscribe: ['a', 'b'], initialVersions: { a: '1', b: '1' } }));
  t.same(say(named.subscription.next('all')), ['b@2']);
  t.end();
});

void t.test('by name: only what is named; what is named again is sent again; what is absent is answered', (t) => {
  const { table, subscription } = byName({ a: '1', b: '1' });
  subscription.receive(request({ subscribe: ['a', 'x'] }));
  t.same(say(subscription.next('all')), ['a@1', 'x@none']);
  subscription.receive(request({ nonce: '1' }));
  change(table, subscription, { b: '2' });
  t.equal(subscription.next('all'), null);
  subscription.receive(request({ subscribe: ['a'] }));
  t.same(say(subscription.next('all')), ['a@1']);
  subscription.receive(request({ nonce: '2', unsubscribe: ['a'] }));
  change(table, subscription, { a: '2', x: '1' });
  t.same(say(subscription.next('all')), ['x@1']);

  const told = new DeltaSubscription(new Map(), { wildcard: false });
  told.receive(request({ subscribe: ['secret'] }));
  t.same(say(told.next('all')), ['-secret'], 'without a stand-in Envoy is told that there is none');
  told.receive(request({ nonce: '1' }));
  t.equal(told.next('all'), null);
  t.equal(told.isInForce('secret'), true);
  t.end();
});

void t.test('refused: not sent again until it changes; then the way back is sent, whatever Envoy held', (t) => {
  const { table, subscription } = wildcard({ a: '1' });
  subscription.receive(request({}));
  subscription.next('all');
  subscription.receive(request({ nonce: '1' }));
  change(table, subscription, { a: 'bad' });
  t.same(say(subscription.next('all')), ['a@bad']);
  const answer = subscription.receive(request({ nonce: '2', error: 'no' }));
  t.same(answer, { sent: new Map([['a', 'bad']]), error: 'no' });
  t.equal(subscription.isSettled, false);
  t.equal(subscription.isInForce('a'), false);
  t.equal(subscription.next('all'), null);
  change(table, subscription, { a: '1' });
  t.same(say(subscription.next('all')), ['a@1']);
  subscription.receive(request({ nonce: '3' }));
  t.equal(subscription.isSettled, true);
  change(table, subscription, { a: 'bad' });
  t.same(say(subscription.next('all')), ['a@bad'], 'a later try is a new try');
  t.end();
});

void t.test('refused together: halves are tried, so that one bad one holds back no other', (t) => {
  const names = Array.from({ length: 1000 }, (_, i) => (i === 77 ? 'bad' : `n${i}`));
  const { subscription } = wildcard(Object.fromEntries(names.map((name) => [name, '1'])));
  subscription.receive(request({}));
  let responses = 0;
  for (let response = subscription.next('all'); response !== null; response = subscription.next('all')) {
    responses++;
    const error = response.resources.some(({ name }) => name === 'bad') ? 'no' : undefined;
    subscription.receive(request({ nonce: response.nonce, error }));
  }
  t.ok(responses < 25, `${responses} responses`);
  t.same(
    names.filter((name) => !subscription.isInForce(name)),
    ['bad'],
  );
  t.equal(subscription.isSettled, false);
  subscription.giveUp();
  t.equal(subscription.isSettled, true);
  t.end();
});

void t.test('removals wait when only upserts may go; a refused one that is taken back holds nothing up', (t) => {
  const { table, subscription } = wildcard({ a: '1', b: '1' });
  subscription.receive(request({}));
  subscription.next('all');
  subscription.receive(request({ nonce: '1' }));
  change(table, subscription, { a: null, b: '2' });
  t.same(say(subscription.next('upserts')), ['b@2']);
  subscription.receive(request({ nonce: '2' }));
  t.equal(subscription.next('upserts'), null);
  t.equal(subscription.isSettled, true);
  t.same(say(subscription.next('all')), ['-a']);
  subscription.receive(request({ nonce: '3' }));

  change(table, subscription, { bad: '1' });
  subscription.next('upserts');
  subscription.receive(request({ nonce: '4', error: 'no' }));
  change(table, subscription, { bad: null });
  t.equal(subscription.next('upserts'), null);
  t.equal(subscription.isSettled, true);
  t.same(say(subscription.next('all')), ['-bad'], 'Envoy may have it');

  const named = byName({ x: '1' });
  named.subscription.receive(request({ subscribe: ['x'] }));
  named.subscription.next('all');
  named.subscription.receive(request({ nonce: '1' }));
  change(named.table, named.subscription, { x: null });
  t.equal(named.subscription.next('upserts'), null, 'to empty an assignment is a removal');
  t.same(say(named.subscription.next('all')), ['x@none']);
  named.subscription.receive(request({ nonce: '2' }));
  named.subscription.resend(['x']);
  t.same(say(named.subscription.next('upserts')), ['x@none'], 'but a cluster that waits is answered');
  t.end();
});

void t.test('old nonces mean nothing', (t) => {
  const { subscription } = wildcard({ a: '1' });
  subscription.receive(request({}));
  subscription.next('all');
  t.equal(subscription.receive(request({ nonce: '7' })), undefined);
  t.equal(subscription.isInForce('a'), false);
  t.end();
});

void t.test('property: whatever happens, in the end Envoy has what the table says', (t) => {
  const names = ['a', 'b', 'c', 'd'];
  const step = fc.oneof(
    fc.record({
      do: fc.constant('change' as const),
      name: fc.constantFrom(...names),
      version: fc.constantFrom('1', '2', null),
    }),
    fc.record({ do: fc.constantFrom('send' as const, 'take' as const, 'refuse' as const, 'reconnect' as const) }),
    fc.record({ do: fc.constantFrom('name' as const, 'unname' as const), name: fc.constantFrom(...names) }),
  );
  fc.assert(
    fc.property(fc.boolean(), fc.array(step, { maxLength: 60 }), (all, steps) => {
      const table = new Map<string, WireResource>();
      const envoy = new Envoy(table, all ? { wildcard: true } : { wildcard: false, absent: noEndpoints });
      for (const one of steps) {
        if (one.do === 'change') change(table, envoy.subscription, { [one.name]: one.version });
        else if (one.do === 'send') envoy.send();
        else if (one.do === 'take' || one.do === 'refuse') envoy.answer(one.do);
        else if (one.do === 'name' || one.do === 'unname') envoy.name(one.name, one.do);
        else envoy.reconnect();
      }
      // A refused one is tried again only when the table changes.
      for (const name of names) change(table, envoy.subscription, { [name]: '9' });
      envoy.rest();
      const expected = all ? names : [...envoy.named];
      return expected.every((name) => envoy.held.get(name) === '9' && envoy.subscription.isInForce(name));
    }),
    { numRuns: 500 },
  );
  t.pass('held');
  t.end();
});

function wildcard(content: Readonly<Record<string, string>>): {
  readonly table: Map<string, WireResource>;
  readonly subscription: DeltaSubscription;
} {
  const table = new Map(Object.entries(content).map(([name, version]) => [name, wire(name, version)]));
  return { table, subscription: new DeltaSubscription(table, { wildcard: true }) };
}

function byName(content: Readonly<Record<string, string>>): ReturnType<typeof wildcard> {
  const { table } = wildcard(content);
  return { table, subscription: new DeltaSubscription(table, { wildcard: false, absent: noEndpoints }) };
}

function noEndpoints(name: string): WireResource {
  return wire(name, 'none');
}

function wire(name: string, version: string): WireResource {
  return { name, version, body: new Uint8Array() };
}

function change(
  table: Map<string, WireResource>,
  subscription: DeltaSubscription,
  versions: Readonly<Record<string, string | null>>,
): void {
  for (const [name, version] of Object.entries(versions)) {
    if (version === null) table.delete(name);
    else table.set(name, wire(name, version));
    subscription.changed([name]);
  }
}

function request(fields: Partial<DeltaRequest>): DeltaRequest {
  return {
    nodeId: undefined,
    typeUrl: 'x',
    subscribe: [],
    unsubscribe: [],
    initialVersions: {},
    nonce: '',
    error: undefined,
    ...fields,
  };
}

function say(response: SubscriptionResponse | null): string[] {
  if (response === null) return [];
  return [
    ...response.resources.map(({ name, version }) => `${name}@${version}`),
    ...response.removed.map((name) => `-${name}`),
  ];
}
