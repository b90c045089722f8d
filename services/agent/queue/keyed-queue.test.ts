import t, { type Test } from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { type Due, KeyedQueue, type Verdict } from './keyed-queue.ts';

const done: Verdict = { type: 'done' };

interface Bench {
  readonly queue: KeyedQueue<number>;
  /** What is to be done, by key; a test may change it at any time. */
  readonly due: Map<string, Due<number>>;
  /** Every piece of work that began, as `key work`. */
  readonly begun: string[];
  /** Ends the oldest work of a key; by itself nothing ends. */
  readonly end: (key: string, verdict: Verdict) => void;
  readonly problems: Map<string, string>;
  /** Every wait that was asked for, as the number of tries before it. */
  readonly waits: number[];
}

function begin(t: Test, options: { readonly concurrency?: number; readonly delayMs?: number } = {}): Bench {
  const due = new Map<string, Due<number>>();
  const begun: string[] = [];
  const problems = new Map<string, string>();
  const waits: number[] = [];
  const ends = new Map<string, (verdict: Verdict) => void>();
  const queue = new KeyedQueue<number>({
    next: (key) => due.get(key) ?? null,
    work(key, work) {
      begun.push(`${key} ${work}`);
      return new Promise((resolve) => ends.set(key, resolve));
    },
    onProblem: (key, sentence) => (sentence === null ? problems.delete(key) : problems.set(key, sentence)),
    ratePerSecond: 10_000,
    burst: 10_000,
    concurrency: options.concurrency ?? 8,
    quickTries: 2,
    delayMs(tries) {
      waits.push(tries);
      return options.delayMs ?? 1;
    },
  });
  t.teardown(() => queue.stop());
  return {
    queue,
    due,
    begun,
    problems,
    waits,
    end(key, verdict) {
      const resolve = ends.get(key);
      ends.delete(key);
      if (resolve === undefined) throw new Error(`${key} is not in work`);
      resolve(verdict);
    },
  };
}

/** Ends as many tries, each when it has begun. */
async function endEach({ begun, end }: Bench, key: string, verdicts: readonly Verdict[]): Promise<void> {
  for (const [i, verdict] of verdicts.entries()) {
    await eventually(() => begun.length === i + 1);
    end(key, verdict);
  }
  await eventually(() => begun.length === verdicts.length + 1);
}

void t.test('a key is in work once at a time, and then with what is newest', async (t) => {
  const { queue, due, begun, end } = begin(t);
  due.set('a', { work: 1 });
  queue.renew('a');
  for (const work of [2, 3]) {
    due.set('a', { work });
    queue.renew('a');
  }
  t.same(begun, ['a 1']);
  t.equal(queue.length, 2, 'in work, and waiting for its turn');
  end('a', done);
  await eventually(() => begun.length === 2);
  t.same(begun, ['a 1', 'a 3']);
  due.delete('a');
  end('a', done);
  await eventually(() => queue.length === 0);
});

void t.test('so many keys at a time, the first first; what is not to be done any more is left out', async (t) => {
  const { queue, due, begun, end } = begin(t, { concurrency: 2 });
  for (const key of ['a', 'b', 'c', 'd']) {
    due.set(key, { work: 1 });
    queue.renew(key);
  }
  t.same(begun, ['a 1', 'b 1']);
  due.delete('a');
  due.delete('c');
  end('a', done);
  await eventually(() => begun.length === 3);
  t.same(begun, ['a 1', 'b 1', 'd 1']);
});

void t.test('nothing is begun for a key without anything to do', async (t) => {
  const { queue, begun } = begin(t);
  queue.renew('a');
  queue.nudge('a');
  t.same([begun, queue.length], [[], 0]);
});

void t.test('a failure is tried again later and later, named when it goes on, and settled by a success', async (t) => {
  const bench = begin(t);
  const { queue, due, problems, waits, begun } = bench;
  due.set('a', { work: 1 });
  queue.renew('a');
  const failed: Verdict = { type: 'failed', sentence: 'the server is away' };
  await endEach(bench, 'a', [failed, failed]);
  t.same([...problems], [], 'twice may happen');
  bench.end('a', failed);
  await eventually(() => begun.length === 4);
  t.same([...problems], [['a', 'the server is away']]);
  t.same(waits, [1, 2, 3]);
  due.delete('a');
  bench.end('a', done);
  await eventually(() => problems.size === 0);
});

void t.test('what is undone again and again is done at once a few times, then later and later', async (t) => {
  const bench = begin(t);
  const { queue, due, waits } = bench;
  due.set('a', { work: 1 });
  queue.renew('a');
  await endEach(bench, 'a', [done, done, done, done]);
  t.same(waits, [2, 3, 4], 'the first repetition came at once');
});

void t.test('what is newly wanted does not wait for the delay of what failed', async (t) => {
  const { queue, due, begun, end } = begin(t, { delayMs: 3_600_000 });
  due.set('a', { work: 1 });
  queue.renew('a');
  end('a', { type: 'failed', sentence: 'no' });
  await eventually(() => queue.length === 1);
  queue.nudge('a');
  t.same(begun, ['a 1'], 'a change behind us does wait');
  due.set('a', { work: 2 });
  queue.renew('a');
  t.same(begun, ['a 1', 'a 2']);
});

void t.test('a refusal is named at once; it is tried again when it says so, or not at all', async (t) => {
  const { queue, due, begun, end, problems, waits } = begin(t);
  due.set('a', { work: 1 });
  due.set('b', { work: 1 });
  queue.renew('a');
  queue.renew('b');
  end('a', { type: 'refused', sentence: 'a is invalid', againMs: 1 });
  end('b', { type: 'refused', sentence: null, againMs: null });
  await eventually(() => begun.length === 3);
  t.same(begun, ['a 1', 'b 1', 'a 1']);
  t.same([...problems], [['a', 'a is invalid']]);
  t.same(waits, []);
  t.equal(queue.length, 1);
});

void t.test('what is not due yet waits, unless the key has something else to do', async (t) => {
  const { queue, due, begun, end } = begin(t);
  due.set('a', { work: 1, notBefore: performance.now() + 3_600_000 });
  queue.renew('a');
  t.same([begun, queue.length], [[], 1]);
  due.set('a', { work: 2 });
  queue.nudge('a');
  t.same(begun, ['a 2']);
  due.set('a', { work: 3, notBefore: performance.now() + 5 });
  end('a', done);
  await eventually(() => begun.length === 2);
  t.same(begun, ['a 2', 'a 3']);
});

void t.test('when it is over, nothing is done before the next nudge, though something seems to be due', async (t) => {
  const { queue, due, begun, end } = begin(t);
  due.set('a', { work: 1 });
  queue.renew('a');
  end('a', { type: 'over' });
  await eventually(() => queue.length === 0);
  queue.nudge('a');
  t.same(begun, ['a 1', 'a 1']);
});

void t.test('what comes of the work on a forgotten key does not matter', async (t) => {
  const { queue, due, begun, end, problems } = begin(t);
  due.set('a', { work: 1 });
  queue.renew('a');
  queue.forget('a');
  due.delete('a');
  end('a', { type: 'refused', sentence: 'a is invalid', againMs: 1 });
  await eventually(() => queue.length === 0);
  t.same([[...problems], begun], [[], ['a 1']]);
});

void t.test('once stopped, nothing more is begun', async (t) => {
  const { queue, due, begun, end, problems } = begin(t);
  for (const key of ['a', 'b']) due.set(key, { work: 1 });
  queue.renew('a');
  queue.stop();
  end('a', { type: 'refused', sentence: 'a is invalid', againMs: 1 });
  queue.renew('b');
  await eventually(() => queue.length === 0);
  t.same([[...problems], begun], [[], ['a 1']]);
});
