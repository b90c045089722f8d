// Tests what the engine runs again, what it does not, and what it forgets.
import t from 'tap';
import { Derivation } from './derivation.ts';
import type { Stage } from './stage.ts';

void t.test('a stage runs again only when what it read changed, and stops what did not change', async (t) => {
  const engine = new Derivation();
  const numbers = engine.source<number>('numbers');
  const parity = engine.stage({
    name: 'parity',
    each: numbers,
    compute: (key, read) => (read.get(numbers, key) ?? 0) % 2,
  });
  const words = engine.stage({
    name: 'word',
    each: parity,
    compute: (key, read) => (read.get(parity, key) === 0 ? 'even' : 'odd'),
  });
  const runs = (act: () => void): number => {
    const before = engine.executions;
    act();
    engine.settle();
    return engine.executions - before;
  };
  t.equal(
    runs(() => ['a', 'b', 'c'].forEach((key, i) => numbers.set(key, i))),
    6,
  );
  t.equal(
    runs(() => numbers.set('a', 2)),
    1,
    'the same parity goes no further',
  );
  t.equal(
    runs(() => numbers.set('a', 3)),
    2,
  );
  t.equal(words.peek('a'), 'odd');
  t.equal(
    runs(() => numbers.set('a', 3)),
    0,
  );
});

void t.test('reads may change from run to run', async (t) => {
  const engine = new Derivation();
  const pointers = engine.source<string>('pointers');
  const values = engine.source<number>('values');
  const looked = engine.stage({
    name: 'look',
    each: pointers,
    compute: (key, read) => read.get(values, read.get(pointers, key) ?? ''),
  });
  pointers.set('p', 'x');
  engine.settle();
  t.equal(looked.peek('p'), undefined);
  values.set('x', 1);
  engine.settle();
  t.equal(looked.peek('p'), 1, 'what was missing is a dependency, too');
  pointers.set('p', 'y');
  values.set('y', 2);
  engine.settle();
  t.equal(looked.peek('p'), 2);
  const before = engine.executions;
  values.set('x', 9);
  engine.settle();
  t.equal(engine.executions, before, 'nobody reads x any more');
});

void t.test('a stage without keys of its own lives as long as it is read', async (t) => {
  const engine = new Derivation();
  const numbers = engine.source<number>('numbers');
  const wanted = engine.source<string>('wanted');
  const doubled = engine.stage({ name: 'double', compute: (key, read) => (read.get(numbers, key) ?? 0) * 2 });
  const user = engine.stage({
    name: 'user',
    each: wanted,
    compute: (key, read) => {
      const target = read.get(wanted, key);
      return target === undefined ? undefined : read.get(doubled, target);
    },
  });
  numbers.set('n', 4);
  wanted.set('u', 'n');
  wanted.set('v', 'n');
  engine.settle();
  t.strictSame([user.peek('u'), doubled.size], [8, 1]);
  wanted.set('u', undefined);
  engine.settle();
  t.equal(doubled.size, 1);
  numbers.set('n', 5);
  engine.settle();
  t.equal(user.peek('v'), 10);
  wanted.set('v', undefined);
  engine.settle();
  t.equal(doubled.size, 0);
  const before = engine.executions;
  numbers.set('n', 6);
  engine.settle();
  t.equal(engine.executions, before);
});

void t.test('groups wake readers of the list, of the count and of presence apart', async (t) => {
  const engine = new Derivation();
  const people = engine.source<{ readonly team: string; readonly age: number }>('people');
  const teams = engine.group<number>().feed(people, (key, { team, age }) => [{ group: team, member: key, item: age }]);
  const names = engine.source<true>('names');
  const lists = engine.stage({ name: 'list', each: names, compute: (key, read) => [...read.list(teams, key)] });
  const counts = engine.stage({ name: 'count', each: names, compute: (key, read) => read.count(teams, key) });
  const presences = engine.stage({ name: 'has', each: names, compute: (key, read) => read.has(teams, key) });
  names.set('red', true);
  const runs = (act: () => void): readonly unknown[] => {
    const before = engine.executions;
    act();
    engine.settle();
    return [engine.executions - before, lists.peek('red'), counts.peek('red'), presences.peek('red')];
  };
  t.strictSame(
    runs(() => people.set('b', { team: 'red', age: 2 })),
    [3, [2], 1, true],
  );
  t.strictSame(
    runs(() => people.set('a', { team: 'red', age: 1 })),
    [2, [1, 2], 2, true],
  );
  t.strictSame(
    runs(() => people.set('a', { team: 'red', age: 3 })),
    [1, [3, 2], 2, true],
  );
  t.strictSame(
    runs(() => people.set('a', { team: 'red', age: 3 })),
    [0, [3, 2], 2, true],
  );
  t.strictSame(
    runs(() => people.set('a', { team: 'blue', age: 3 })),
    [2, [2], 1, true],
  );
  t.strictSame(
    runs(() => people.set('b', undefined)),
    [3, [], 0, false],
  );
});

void t.test('a stage that reads what comes after it is a bug', async (t) => {
  const engine = new Derivation();
  const numbers = engine.source<number>('numbers');
  const late: { stage?: Stage<number> } = {};
  engine.stage({ name: 'early', each: numbers, compute: (key, read) => late.stage && read.get(late.stage, key) });
  late.stage = engine.stage({ name: 'late', each: numbers, compute: () => 1 });
  numbers.set('a', 1);
  t.throws(() => engine.settle(), {
    message: 'stage "early" failed at a: it reads "late", which was not made before it',
  });
});
