// Tests the record of an engine: which stages ran where, because of what, for how long, and which outputs went on.
import t from 'tap';
import type { Source } from './collection.ts';
import { Derivation } from './derivation.ts';

void t.test('a record tells what ran, because of what, and what stopped', async (t) => {
  const { engine, orders, prices } = shop();
  const { record } = engine.record(clock(), () => {
    orders.set('ann', { item: 'tea', count: 2 });
    prices.set('tea', 3);
    engine.settle();
  });
  t.strictSame(record.keys, [
    { stage: 'price', key: 'tea', runs: 1, ms: 1, output: 'new', causes: [wanted('bill', 'ann')] },
    { stage: 'bill', key: 'ann', runs: 1, ms: 2, output: 'new', causes: [changed('orders', 'ann')] },
    { stage: 'is large', key: 'ann', runs: 1, ms: 1, output: 'new', causes: [changed('bill', 'ann')] },
  ]);
  const again = engine.record(clock(), () => {
    prices.set('tea', 4);
    engine.settle();
  });
  t.match(again.record.keys, [
    { stage: 'price', key: 'tea', output: 'changed', causes: [changed('prices', 'tea')] },
    { stage: 'bill', key: 'ann', output: 'changed', causes: [changed('price', 'tea')] },
    { stage: 'is large', key: 'ann', output: 'same', causes: [changed('bill', 'ann')] },
  ]);
  t.match(again.record.stages, [
    { stage: 'price', runs: 1, changed: 1 },
    { stage: 'bill', runs: 1, changed: 1 },
    { stage: 'is large', runs: 1, changed: 0 },
  ]);
});

void t.test('a record tells what is removed and what nobody reads any more', async (t) => {
  const { engine, orders, prices } = shop();
  orders.set('ann', { item: 'tea', count: 2 });
  prices.set('tea', 3);
  engine.settle();
  const { record } = engine.record(clock(), () => {
    orders.set('ann', undefined);
    engine.settle();
  });
  t.match(record.keys, [
    { stage: 'price', key: 'tea', runs: 0, output: 'dropped' },
    { stage: 'bill', key: 'ann', runs: 1, output: 'removed' },
    { stage: 'is large', key: 'ann', runs: 1, output: 'removed' },
  ]);
  t.match(record.stages, [{ stage: 'price', runs: 0, dropped: 1 }, { stage: 'bill' }, { stage: 'is large' }]);
});

void t.test('a reader of a group runs because of what fed the group', async (t) => {
  const engine = new Derivation();
  const people = engine.source<{ readonly team: string }>('person');
  const teams = engine.group<true>().feed(people, (member, { team }) => [{ group: team, member, item: true }]);
  engine.stage({ name: 'team size', each: teams, compute: (key, read) => read.count(teams, key) });
  const join = (...names: readonly string[]): readonly unknown[] =>
    engine.record(clock(), () => {
      for (const name of names) people.set(name, { team: 'red' });
      engine.settle();
    }).record.keys;
  t.match(join('ann'), [{ stage: 'team size', key: 'red', output: 'new', causes: [changed('person', 'ann')] }]);
  const names = Array.from({ length: 9 }, (_, i) => `p${i}`);
  t.match(
    join(...names),
    [{ stage: 'team size', key: 'red', runs: 1, output: 'changed', causes: { length: 8 } }],
    'no more causes than eight',
  );
});

void t.test('what runs twice in one record is one line', async (t) => {
  const { engine, orders, prices } = shop();
  const { record } = engine.record(clock(), () => {
    for (const price of [1, 2, 3]) {
      orders.set('ann', { item: 'tea', count: price });
      prices.set('tea', price);
      engine.settle();
    }
  });
  t.match(record.keys, [
    { stage: 'price', key: 'tea', runs: 3, output: 'new' },
    { stage: 'bill', key: 'ann', runs: 3, output: 'new' },
    { stage: 'is large', key: 'ann', runs: 3, output: 'new' },
  ]);
});

void t.test('beyond the limit only the sums grow', async (t) => {
  const engine = new Derivation();
  const numbers = engine.source<number>('number');
  engine.stage({ name: 'double', each: numbers, compute: (key, read) => (read.get(numbers, key) ?? 0) * 2 });
  const { record } = engine.record(clock(), () => {
    for (let i = 0; i < 10_050; i++) numbers.set(`n${i}`, i);
    engine.settle();
  });
  t.strictSame([record.keys.length, record.leftOut, record.stages[0]?.runs], [10_000, 50, 10_050]);
});

void t.test('an engine that nobody asks records nothing, also after a record that failed', async (t) => {
  const { engine, orders } = shop();
  t.throws(() =>
    engine.record(clock(), () => {
      throw new Error('an accident');
    }),
  );
  t.equal(engine.recorder, undefined);
  t.throws(() => engine.record(clock(), () => engine.record(clock(), () => undefined)), /one record at a time/);
  orders.set('ann', { item: 'none', count: 1 });
  const { record } = engine.record(clock(), () => undefined);
  t.strictSame(record, { stages: [], keys: [], leftOut: 0 });
});

void t.test('what a stage throws is told with the stage and the key, however deep', async (t) => {
  const engine = new Derivation();
  const numbers = engine.source<number>('number');
  const cause = new Error('no such root');
  const roots = engine.stage<number>({
    name: 'root',
    compute: () => {
      throw cause;
    },
  });
  engine.stage({ name: 'sum', each: numbers, compute: (key, read) => read.get(roots, `√${key}`) });
  numbers.set('9', 9);
  t.throws(() => engine.settle(), {
    message: 'stage "sum" failed at 9: stage "root" failed at √9: no such root',
    cause: { cause: { message: 'no such root' } },
  });
});

void t.test('names are unique', async (t) => {
  const engine = new Derivation();
  engine.source('number');
  t.throws(() => engine.stage({ name: 'number', compute: () => 1 }), /two sources or stages are called "number"/);
});

interface Shop {
  readonly engine: Derivation;
  readonly orders: Source<{ readonly item: string; readonly count: number }>;
  readonly prices: Source<number>;
}

/** Orders by person, and what they come to: `price` is computed for those that are ordered only. */
function shop(): Shop {
  const engine = new Derivation();
  const orders: Shop['orders'] = engine.source('orders');
  const prices = engine.source<number>('prices');
  const price = engine.stage({ name: 'price', compute: (key, read) => read.get(prices, key) });
  const bill = engine.stage({
    name: 'bill',
    each: orders,
    compute: (key, read) => {
      const order = read.get(orders, key);
      return order && order.count * (read.get(price, order.item) ?? 0);
    },
  });
  engine.stage({
    name: 'is large',
    each: bill,
    compute: (key, read) => {
      const sum = read.get(bill, key);
      return sum === undefined ? undefined : sum > 100;
    },
  });
  return { engine, orders, prices };
}

/** A clock that moves on by one millisecond each time that it is read. */
function clock(): () => number {
  let time = 0;
  return () => (time += 1);
}

function changed(name: string, key: string): unknown {
  return { type: 'changed', name, key };
}

function wanted(name: string, key: string): unknown {
  return { type: 'wanted', name, key };
}
