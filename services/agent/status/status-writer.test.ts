import t, { type Test } from 'tap';
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { controllerName } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { type LiveObject, readLiveObject } from '../objects/live-object.ts';
import type { StatusWriteResult } from '../source.ts';
import type { StatusFields } from './status-fields.ts';
import { WishBook } from '../wishes/wish-book.ts';
import { StatusWriter } from './status-writer.ts';

interface Cluster {
  readonly writer: StatusWriter;
  readonly wishes: WishBook;
  readonly writes: { readonly key: string; readonly resourceVersion: string; readonly fields: StatusFields }[];
  readonly problems: Map<string, string>;
  /** Every problem so far. */
  readonly said: string[];
  /** Answers used before the good ones. */
  readonly answers: ((current: KubeObject) => StatusWriteResult)[];
  readonly put: (name: string, change?: { readonly status?: StatusFields; readonly uid?: string }) => void;
  /** Shows the newest state to the writer, as the watch would. */
  readonly show: (name: string) => void;
  readonly status: (name: string) => unknown;
}

/** HTTPRoutes as an API server keeps them; what is written is shown to the writer only by `show`. */
function begin(t: Test, options: { readonly ratePerSecond?: number; readonly countsEveryMs?: number } = {}): Cluster {
  const stored = new Map<string, KubeObject>();
  const shown = new Map<string, LiveObject>();
  const writes: Cluster['writes'] = [];
  const problems = new Map<string, string>();
  const said: string[] = [];
  const answers: Cluster['answers'] = [];
  let version = 100;
  const writer = new StatusWriter({
    async write(target, fields) {
      const key = keyOf(target.name);
      const current = stored.get(key);
      writes.push({ key, resourceVersion: target.resourceVersion, fields });
      await new Promise((resolve) => setImmediate(resolve));
      if (current === undefined) return { outcome: 'gone' };
      const answer = answers.shift();
      if (answer !== undefined) return answer(current);
      if (current.metadata.resourceVersion !== target.resourceVersion) return { outcome: 'conflict', current };
      const next = {
        ...current,
        metadata: { ...current.metadata, resourceVersion: String(++version) },
        status: { ...toFields(current['status']), ...fields },
      };
      stored.set(key, next);
      return { outcome: 'written', current: next };
    },
    find: (key) => shown.get(key),
    now: () => '2026-01-01T00:00:00Z',
    onWrite: () => undefined,
    onProblem(about, sentence) {
      problems.delete(about);
      if (sentence !== null) said.push(problems.set(about, sentence).get(about) ?? '');
    },
    ratePerSecond: options.ratePerSecond ?? 10_000,
    ...(options.countsEveryMs === undefined ? {} : { countsEveryMs: options.countsEveryMs }),
    delayMs: () => 1,
  });
  t.teardown(() => writer.stop());
  const show = (name: string): void => {
    const object = stored.get(keyOf(name));
    if (object === undefined) return;
    const live = readLiveObject({ type: 'applied', kind: 'HTTPRoute', object, via: 'watch' });
    shown.set(keyOf(name), live);
    writer.observe(keyOf(name), live);
  };
  return {
    writer,
    wishes: new WishBook([writer]),
    writes,
    problems,
    said,
    answers,
    show,
    put(name, { status, uid } = {}) {
      const metadata = {
        name,
        namespace: 'ns',
        uid: uid ?? `uid-${name}`,
        resourceVersion: String(++version),
        creationTimestamp: '2026-01-01T00:00:00Z',
      };
      const object = { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'HTTPRoute', metadata, status };
      stored.set(keyOf(name), object);
    },
    status: (name) => stored.get(keyOf(name))?.['status'],
  };
}

function keyOf(name: string): string {
  return `HTTPRoute/ns/${name}`;
}

function toFields(status: unknown): object {
  return typeof status === 'object' && status !== null ? status : {};
}

function wish(name: string, reason: string): DesiredStatus {
  const conditions = [{ type: 'Accepted', status: 'True', reason, message: '', observedGeneration: 1 }];
  const status = { parents: [{ parentRef: { name: 'g' }, controllerName, conditions }] };
  return { kind: 'HTTPRoute', namespace: 'ns', name, uid: `uid-${name}`, status };
}

void t.test('a wish is written once its object is there, and only once', async (t) => {
  const { writer, wishes, writes, put, show, status } = begin(t);
  wishes.wish(wish('a', 'Accepted'));
  t.equal(writes.length, 0);
  put('a');
  show('a');
  await eventually(() => writer.queueLength === 0);
  t.match(status('a'), { parents: [{ conditions: [{ reason: 'Accepted' }] }] });
  show('a');
  wishes.wish(wish('a', 'Accepted'));
  await eventually(() => writer.queueLength === 0);
  t.equal(writes.length, 1);
});

void t.test('the newest wish wins, on the version that the write before it made', async (t) => {
  const { writer, wishes, writes, put, show, status } = begin(t);
  put('a');
  show('a');
  for (const reason of ['One', 'Two', 'Three']) wishes.wish(wish('a', reason));
  await eventually(() => writer.queueLength === 0);
  t.match(status('a'), { parents: [{ conditions: [{ reason: 'Three' }] }] });
  t.equal(writes.length, 2);
  t.not(writes[0]?.resourceVersion, writes[1]?.resourceVersion, 'without waiting for the watch');
});

void t.test('a conflict is tried again on the newest state, keeping what others wrote', async (t) => {
  const { writer, wishes, writes, put, show, status } = begin(t);
  put('a');
  show('a');
  const theirs = { parentRef: { name: 'x' }, controllerName: 'example.com/x', conditions: [] };
  put('a', { status: { parents: [theirs] } });
  wishes.wish(wish('a', 'Accepted'));
  await eventually(() => writer.queueLength === 0);
  t.equal(writes.length, 2);
  t.match(status('a'), { parents: [theirs, { controllerName }] });
});

void t.test('what others undo is put right again', async (t) => {
  const { writer, wishes, put, show, status } = begin(t);
  put('a');
  show('a');
  wishes.wish(wish('a', 'Accepted'));
  await eventually(() => writer.queueLength === 0);
  for (let i = 0; i < 5; i++) {
    put('a', { status: {} });
    show('a');
    await eventually(() => writer.queueLength === 0);
    t.match(status('a'), { parents: [{ controllerName }] });
  }
});

void t.test('failures are tried again, a refusal is not; both are named', async (t) => {
  const { writer, wishes, writes, put, show, problems, said, answers } = begin(t);
  put('a');
  show('a');
  for (let i = 0; i < 5; i++) answers.push(() => ({ outcome: 'failed', reason: 'the server is away' }));
  wishes.wish(wish('a', 'Accepted'));
  await eventually(() => writes.length === 6);
  t.match(said[0], /the status of HTTPRoute\/ns\/a cannot be written: the server is away/);
  await eventually(() => problems.size === 0);
  answers.push(() => ({ outcome: 'refused', reason: 'invalid' }));
  wishes.wish(wish('a', 'Bad'));
  await eventually(() => problems.get('status HTTPRoute/ns/a')?.includes('refused: invalid'));
  show('a');
  t.equal(writer.queueLength, 0);
  wishes.wish(wish('a', 'Good'));
  await eventually(() => problems.size === 0);
});

void t.test('another object under the same name, and one that is gone, are left alone', async (t) => {
  const { writer, wishes, writes, put, show } = begin(t);
  put('a', { uid: 'another' });
  show('a');
  wishes.wish(wish('a', 'Accepted'));
  t.equal(writes.length, 0);
  wishes.wish({ ...wish('s', 'x'), kind: 'Service' });
  t.equal(writer.queueLength, 0);
});

void t.test('all wishes at once replace what was wished before, but not what came meanwhile', async (t) => {
  const { writer, wishes, put, show, status } = begin(t);
  for (const name of ['a', 'b', 'c']) put(name);
  wishes.wish(wish('a', 'Old'));
  wishes.wish(wish('c', 'Old'));
  wishes.beginReplace();
  wishes.wish(wish('b', 'New'));
  wishes.replace([wish('a', 'Fetched'), wish('b', 'Fetched')]);
  for (const name of ['a', 'b', 'c']) show(name);
  await eventually(() => writer.queueLength === 0);
  t.match(status('a'), { parents: [{ conditions: [{ reason: 'Fetched' }] }] });
  t.match(status('b'), { parents: [{ conditions: [{ reason: 'New' }] }] });
  t.equal(status('c'), undefined);
});

void t.test('the rate is limited, after a burst', async (t) => {
  const { writer, wishes, writes, put, show } = begin(t, { ratePerSecond: 20 });
  for (let i = 0; i < 110; i++) {
    put(`r${i}`);
    show(`r${i}`);
    wishes.wish(wish(`r${i}`, 'Accepted'));
  }
  await eventually(() => writes.length >= 100);
  t.ok(writer.queueLength > 0, 'the rest waits for its turn');
  await eventually(() => writes.length === 110);
});

/** As a Gateway says it: what changes with each route that attaches, and conditions. */
function counting(attachedRoutes: number, reason = 'Accepted'): DesiredStatus {
  const { status, ...object } = wish('a', reason);
  return { ...object, status: { ...status, listeners: [{ name: 'http', attachedRoutes, conditions: [] }] } };
}

void t.test('a thousand counts are one write, a condition is written at once with the newest of them', async (t) => {
  const { writer, wishes, writes, put, show, status } = begin(t, { countsEveryMs: 3_600_000 });
  put('a');
  show('a');
  wishes.wish(counting(0));
  await eventually(() => writer.queueLength === 0);
  for (let count = 1; count <= 1000; count++) {
    wishes.wish(counting(count));
    await new Promise((resolve) => setImmediate(resolve));
    if (count === 1) await eventually(() => writes.length === 2);
  }
  t.equal(writes.length, 2, 'the first at once');
  t.match(status('a'), { listeners: [{ attachedRoutes: 1 }] });
  wishes.wish(counting(1000, 'Other'));
  await eventually(() => writer.queueLength === 0);
  t.equal(writes.length, 3);
  t.match(status('a'), { listeners: [{ attachedRoutes: 1000 }], parents: [{ conditions: [{ reason: 'Other' }] }] });
  wishes.wish(counting(1001, 'Other'));
  put('a', { status: {} });
  show('a');
  await eventually(() => writer.queueLength === 0);
  t.equal(writes.length, 4);
  t.match(status('a'), { listeners: [{ attachedRoutes: 1001 }] }, 'what others undo does not wait either');
});

void t.test('the last count is always written', async (t) => {
  const { writer, wishes, writes, put, show, status } = begin(t, { countsEveryMs: 20 });
  put('a');
  show('a');
  for (let count = 0; count <= 1000; count++) {
    wishes.wish(counting(count));
    if (count % 10 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await eventually(() => writer.queueLength === 0);
  t.match(status('a'), { listeners: [{ attachedRoutes: 1000 }] });
  t.ok(writes.length < 100, `${writes.length} writes`);
});
