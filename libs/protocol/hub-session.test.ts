// The hub's session against a node of the test's own: cases by name, then any interleaving.
import * as fc from 'fast-check';
import t from 'tap';
import { type FleetView, type HubOutput, HubSession } from './hub-session.ts';
import { emptyDigest } from '#libs/snapshot/digest.ts';
import type { Applied, Held, Hello, Ping, Rejected, Resend } from './messages.ts';

const gateway = 'eu/infra/web';
const digestFor = (version: number): string => version.toString(16).padStart(64, '0');
const at = (version: number, of = gateway): Held => ({ gateway: of, version, digest: digestFor(version) });

/** A fleet whose facts a test sets; version v of a gateway refers to the keys of `references`. */
class Fleet implements FleetView {
  readonly versions = new Map<string, { version: number; keys: Set<string> }>();
  readonly hashes = new Map<string, string>();
  oldestBase = 1;

  serving(of: string): Held | undefined {
    const known = this.versions.get(of);
    return known === undefined ? undefined : at(known.version, of);
  }
  hasBase(base: Held): boolean {
    return base.version >= this.oldestBase && base.digest === digestFor(base.version);
  }
  keysOf(of: string): Iterable<string> {
    return this.versions.get(of)?.keys ?? [];
  }
  refersTo(of: string, key: string): boolean {
    return this.versions.get(of)?.keys.has(key) ?? false;
  }
  needsOf(): Iterable<string> {
    return [];
  }
  discoveryHash(key: string): string | undefined {
    return this.hashes.get(key);
  }
  set(of: string, version: number, keys: readonly string[]): { added: string[]; removed: string[] } {
    const before = this.versions.get(of)?.keys ?? new Set<string>();
    this.versions.set(of, { version, keys: new Set(keys) });
    return { added: keys.filter((key) => !before.has(key)), removed: [...before].filter((key) => !keys.includes(key)) };
  }
}

function helloOf(held: readonly Held[], discovery: Readonly<Record<string, string>> = {}): Hello {
  const rest = { version: '0.1.0', labels: {}, serves: ['*/*/*'], addresses: [] };
  return { type: 'hello', protocol: 1, node: 'n1', ...rest, held, discovery };
}

function begin(fleet: Fleet, hello: Hello): { session: HubSession; first: readonly HubOutput[] } {
  const session = new HubSession(fleet, hello);
  return { session, first: session.start(hello, fleet.versions.keys()) };
}

/** Outputs in words. */
function say(outputs: readonly HubOutput[]): string[] {
  return outputs.map((output) => {
    switch (output.type) {
      case 'snapshot':
        return `${output.base === null ? 'full' : `delta ${output.base.version}`} → ${output.target.version}`;
      case 'discovery':
        return `discovery +${output.upserts.join(',')} -${output.removes.join(',')}`;
      case 'pong':
        return 'pong';
      case 'report':
        break;
    }
    return `report ${output.report.kind}`;
  });
}

const applied = (version: number): Applied => ({ type: 'applied', tookMs: 1, ...at(version) });
const rejected = (version: number, serving: number | null): Rejected => ({
  type: 'rejected',
  reasons: ['no'],
  serving: serving === null ? null : at(serving),
  ...at(version),
});
const resend: Resend = { type: 'resend', gateway };
const ping = (version: number | null, envoy: 'live' | 'down' = 'live'): Ping => ({
  type: 'ping',
  held: version === null ? [] : [at(version)],
  envoy,
});

void t.test('resume: nothing, a delta, or the whole, by what hello says', async (t) => {
  const cases = [
    { name: 'a new node', held: [], sends: ['full → 9'] },
    { name: 'current', held: [at(9)], sends: [] },
    { name: 'behind', held: [at(7)], sends: ['delta 7 → 9'] },
    { name: 'ahead of a history that was made anew', held: [at(30)], sends: ['delta 30 → 9'], oldestBase: 1 },
    { name: 'base too old', held: [at(2)], sends: ['full → 9'], oldestBase: 5 },
    { name: 'same version, other content', held: [{ ...at(9), digest: digestFor(1) }], sends: ['full → 9'] },
  ];
  for (const { name, held, sends, oldestBase } of cases) {
    const fleet = new Fleet();
    fleet.oldestBase = oldestBase ?? 1;
    fleet.set(gateway, 9, []);
    t.same(say(begin(fleet, helloOf(held)).first), ['report holds', ...sends], name);
  }
});

void t.test('one in flight, and then only the newest', async (t) => {
  const fleet = new Fleet();
  fleet.set(gateway, 1, []);
  const { session, first } = begin(fleet, helloOf([]));
  t.same(say(first), ['report holds', 'full → 1']);
  for (const version of [2, 3, 4]) t.same(session.servingChanged(gateway, fleet.set(gateway, version, [])), []);
  t.same(say(session.receive(applied(1))), ['report applied', 'delta 1 → 4']);
  t.same(say(session.receive(applied(4))), ['report applied']);
});

void t.test('discovery: before the snapshot that needs it, removed only when nothing needs it', async (t) => {
  const fleet = new Fleet();
  fleet.hashes.set('a', 'a1').set('b', 'b1');
  fleet.set(gateway, 1, ['a']);
  const { session, first } = begin(fleet, helloOf([]));
  t.same(say(first), ['report holds', 'discovery +a -', 'full → 1']);
  session.receive(applied(1));
  t.same(say(session.servingChanged(gateway, fleet.set(gateway, 2, ['b']))), ['discovery +b -', 'delta 1 → 2']);
  fleet.hashes.set('a', 'a2');
  t.same(say(session.discoveryChanged(['a'])), ['discovery +a -'], 'still served by the node, so still current');
  t.same(say(session.receive(applied(2))), ['report applied', 'discovery + -a']);
  t.same(session.discoveryChanged(['a']), [], 'no longer of interest');
  t.same(say(session.servingChanged(gateway, fleet.set(gateway, 3, ['a', 'b']))), ['discovery +a -', 'delta 2 → 3']);

  const resumed = begin(fleet, helloOf([at(3)], { a: 'a2', b: 'old', c: 'c1' }));
  t.same(say(resumed.first), ['report holds', 'discovery +b -', 'discovery + -c']);
  fleet.hashes.set('c', 'c1');
  const behind = begin(fleet, helloOf([at(2)], { a: 'a2', b: 'b1', c: 'c0' }));
  t.same(say(behind.first), ['report holds', 'discovery +c -', 'delta 2 → 3'], 'what it still serves is made current');
  const unknown = begin(new Fleet(), helloOf([at(3)], { a: 'a2' }));
  t.same(say(unknown.first), ['report holds'], 'nothing is taken from a node that serves what the hub does not know');
});

void t.test('rejected: the previous one stays, the same one is offered again only after a while', async (t) => {
  const fleet = new Fleet();
  fleet.set(gateway, 1, []);
  const { session } = begin(fleet, helloOf([at(1)]));
  t.same(say(session.servingChanged(gateway, fleet.set(gateway, 2, []))), ['delta 1 → 2']);
  t.same(say(session.receive(rejected(2, 1))), ['report rejected']);
  t.same(say(session.receive(ping(1))), ['pong']);
  t.same(say(session.receive(ping(1, 'down'))), ['pong'], 'no use while Envoy is down');
  t.same(say(session.receive(ping(1))), ['pong']);
  t.same(say(session.receive(ping(1))), ['pong', 'delta 1 → 2']);
  t.same(say(session.receive(rejected(2, 1))), ['report rejected']);
  t.same(say(session.servingChanged(gateway, fleet.set(gateway, 3, []))), ['delta 1 → 3'], 'a newer one at once');
});

void t.test('resend: the whole once, then it counts as refused', async (t) => {
  const fleet = new Fleet();
  fleet.set(gateway, 2, []);
  const { session, first } = begin(fleet, helloOf([at(1)]));
  t.same(say(first), ['report holds', 'delta 1 → 2']);
  t.same(say(session.receive(resend)), ['full → 2']);
  t.same(say(session.receive(resend)), []);
  t.same(say(session.servingChanged(gateway, fleet.set(gateway, 3, []))), ['full → 3']);
  t.same(say(session.receive(applied(3))), ['report applied']);
  t.same(say(session.receive(resend)), ['full → 3'], 'a node may ask at any time');
});

void t.test('a congested socket gets nothing, then the newest', async (t) => {
  const fleet = new Fleet();
  fleet.hashes.set('a', 'a1');
  fleet.set(gateway, 1, ['a']);
  const { session } = begin(fleet, helloOf([at(1)], { a: 'a1' }));
  session.congested();
  for (let i = 0; i < 5; i++) {
    fleet.hashes.set('a', `a${i}`);
    t.same(session.discoveryChanged(['a']), []);
    t.same(session.servingChanged(gateway, fleet.set(gateway, 2 + i, ['a'])), []);
  }
  t.same(say(session.drained()), ['discovery +a -', 'delta 1 → 6']);
});

void t.test('a ping corrects what the hub believes', async (t) => {
  const fleet = new Fleet();
  fleet.set(gateway, 2, []);
  const { session } = begin(fleet, helloOf([at(2)]));
  t.same(say(session.receive(ping(2))), ['pong']);
  t.same(say(session.receive(ping(1))), ['pong', 'report holds', 'delta 1 → 2']);
  t.same(say(session.receive(ping(1))), ['pong'], 'an answer is awaited');
});

// ---- any interleaving

const keys = ['k0', 'k1', 'k2', 'k3'];
const names = ['eu/infra/a', 'eu/infra/b'];

/** A node that checks what it is sent, as the real one does. */
class Node {
  readonly serving = new Map<string, { held: Held; keys: ReadonlySet<string> }>();
  readonly discovery = new Map<string, string>();
  readonly inbox: HubOutput[] = [];
  readonly outbox: (Applied | Rejected | Resend)[] = [];
  readonly #fleet: Fleet;

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** Messages carry what was true when they were sent. */
  deliver(outputs: readonly HubOutput[], wire: Wire): void {
    for (const output of outputs) {
      if (output.type === 'snapshot') {
        const { gateway, digest } = output.target;
        const keys = new Set(digest === emptyDigest ? [] : this.#fleet.keysOf(gateway));
        const known = [...keys].filter((key) => this.#fleet.hashes.has(key));
        wire.snapshots.push({ ...output, keys, known });
      }
      if (output.type === 'discovery')
        wire.snapshots.push({ ...output, hashes: output.upserts.map((key) => this.#fleet.discoveryHash(key) ?? '') });
    }
  }

  hello(): Hello {
    const held = [...this.serving.values()].map((served) => served.held);
    return helloOf(held, Object.fromEntries(this.discovery));
  }

  take(message: WireMessage, mood: 'apply' | 'reject' | 'resend'): Applied | Rejected | Resend | null {
    if (message.type === 'discovery') {
      message.upserts.forEach((key, index) => this.discovery.set(key, message.hashes[index] ?? ''));
      for (const key of message.removes) {
        for (const { held, keys } of this.serving.values())
          if (keys.has(key)) throw new Error(`${key} was taken from ${held.gateway} ${held.version}`);
        this.discovery.delete(key);
      }
      return null;
    }
    const { target, base } = message;
    const before = this.serving.get(target.gateway)?.held;
    if (base !== null && base.version !== before?.version)
      throw new Error('a delta from a base that the node does not serve');
    for (const key of message.known) if (!this.discovery.has(key)) throw new Error(`${key} did not come before`);
    if (mood === 'reject') return { type: 'rejected', ...target, reasons: ['mood'], serving: before ?? null };
    if (mood === 'resend') return { type: 'resend', gateway: target.gateway };
    this.serving.set(target.gateway, { held: target, keys: message.keys });
    return { type: 'applied', ...target, tookMs: 1 };
  }
}

type WireMessage =
  | (Extract<HubOutput, { type: 'snapshot' }> & {
      readonly keys: ReadonlySet<string>;
      readonly known: readonly string[];
    })
  | (Extract<HubOutput, { type: 'discovery' }> & { readonly hashes: readonly string[] });
interface Wire {
  snapshots: WireMessage[];
}

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('serve' as const), of: fc.nat(1), keys: fc.subarray(keys) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('discover' as const), key: fc.constantFrom(...keys) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('take' as const),
      mood: fc.constantFrom('apply' as const, 'apply' as const, 'reject' as const, 'resend' as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('answer' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('label' as const), of: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('congest' as const, 'drain' as const, 'ping' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconnect' as const), forgets: fc.nat(3) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

/** One fleet, one node, one wire between them. */
class World {
  readonly fleet = new Fleet();
  readonly node = new Node(this.fleet);
  wire: Wire = { snapshots: [] };
  answers: (Applied | Rejected | Resend)[] = [];
  session = new HubSession(this.fleet, helloOf([]));
  /** Gateways that are for the node. */
  readonly assigned = new Set(names);
  #versions = 0;
  #hashes = 0;

  constructor() {
    this.#send(this.session.start(helloOf([]), []));
  }

  run(step: Step): void {
    switch (step.do) {
      case 'serve':
        return this.#serve(names[step.of] ?? gateway, step.keys);
      case 'discover':
        this.fleet.hashes.set(step.key, `h${this.#hashes++}`);
        return this.#send(this.session.discoveryChanged([step.key]));
      case 'label':
        return this.#label(names[step.of] ?? gateway);
      case 'take':
        return this.take(step.mood);
      case 'answer':
        return this.answer();
      case 'congest':
        return this.session.congested();
      case 'drain':
        return this.#send(this.session.drained());
      case 'ping':
        return this.ping();
      case 'reconnect':
        return this.reconnect(step.forgets);
    }
  }

  #serve(of: string, needed: readonly string[]): void {
    const isNew = !this.fleet.versions.has(of);
    const change = this.fleet.set(of, ++this.#versions, needed);
    if (isNew && this.assigned.has(of)) this.#send(this.session.assign(of));
    else this.#send(this.session.servingChanged(of, change));
  }

  /** The gateway is for the node, or not any more. */
  #label(of: string): void {
    const wasAssigned = this.assigned.delete(of);
    if (!wasAssigned) this.assigned.add(of);
    if (wasAssigned) this.#send(this.session.unassign(of));
    else if (this.fleet.versions.has(of)) this.#send(this.session.assign(of));
  }

  take(mood: 'apply' | 'reject' | 'resend'): void {
    const message = this.wire.snapshots.shift();
    const answer = message === undefined ? null : this.node.take(message, mood);
    if (answer !== null) this.answers.push(answer);
  }

  answer(): void {
    const answer = this.answers.shift();
    if (answer !== undefined) this.#send(this.session.receive(answer));
  }

  ping(): void {
    if (this.answers.length > 0) return;
    this.#send(this.session.receive({ type: 'ping', held: this.node.hello().held, envoy: 'live' }));
  }

  reconnect(forgets: number): void {
    this.wire = { snapshots: [] };
    this.answers = [];
    this.fleet.oldestBase = Math.max(1, this.#versions - forgets);
    const hello = this.node.hello();
    this.session = new HubSession(this.fleet, hello);
    const known = [...this.fleet.versions.keys()];
    const isFor = (of: string): boolean => this.assigned.has(of);
    this.#send(
      this.session.start(
        hello,
        known.filter(isFor),
        known.filter((of) => !isFor(of)),
      ),
    );
  }

  /** Everything arrives, the node takes all of it. */
  rest(): void {
    this.#send(this.session.drained());
    for (let round = 0; round < 200; round++) {
      while (this.wire.snapshots.length > 0) this.take('apply');
      while (this.answers.length > 0) this.answer();
      if (this.wire.snapshots.length === 0) this.ping();
    }
  }

  #send(outputs: readonly HubOutput[]): void {
    const inFlight = new Map<string, number>();
    this.node.deliver(outputs, this.wire);
    for (const message of this.wire.snapshots) {
      if (message.type !== 'snapshot') continue;
      const count = (inFlight.get(message.target.gateway) ?? 0) + 1;
      if (count > 1) throw new Error('two snapshots in flight');
      inFlight.set(message.target.gateway, count);
    }
  }
}

void t.test('any interleaving ends with the node serving the newest', async (t) => {
  const result = fc.check(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World();
      for (const step of steps) world.run(step);
      world.rest();
      for (const [of, { version, keys }] of world.fleet.versions) {
        const served = world.node.serving.get(of);
        if (!world.assigned.has(of) && (served?.held.digest ?? emptyDigest) === emptyDigest) continue;
        if (!world.assigned.has(of)) throw new Error(`${of} is still served`);
        if (served?.held.version !== version) throw new Error(`${of} is at ${served?.held.version}, not at ${version}`);
        for (const key of keys)
          if (world.node.discovery.get(key) !== world.fleet.hashes.get(key)) throw new Error(`${key} is out of date`);
      }
      const needed = new Set([...world.assigned].flatMap((of) => [...world.fleet.keysOf(of)]));
      for (const key of world.node.discovery.keys()) if (!needed.has(key)) throw new Error(`${key} was left behind`);
    }),
    { numRuns: 600 },
  );
  t.notOk(result.failed, fc.defaultReportMessage(result) ?? '');
});
