import t from 'tap';
import { Blame } from './blame.ts';

function blame(versions: readonly unknown[]): Readonly<Record<string, unknown>> {
  const made = new Blame<number>(versions.at(-1));
  for (let at = versions.length - 1; at >= 0 && !made.isDone; at--) made.take(at, versions[at - 1]);
  return Object.fromEntries(made.fields().map(({ path, event }) => [path, event]));
}

await t.test('each field is the last event’s that gave it its value', async (t) => {
  t.same(
    blame([
      { spec: { a: 1, b: 1, list: ['x'] } },
      { spec: { a: 2, b: 1, list: ['x', 'y'] } },
      { spec: { a: 1, b: 1, list: ['x', 'y'], c: {} } },
    ]),
    { 'spec.a': 2, 'spec.b': 0, 'spec.list[0]': 0, 'spec.list[1]': 1, 'spec.c': 2 },
  );
});

await t.test('items with names are found wherever they stand', async (t) => {
  const [a, b] = [
    { name: 'a', weight: 1 },
    { name: 'b', weight: 2 },
  ];
  t.same(blame([{ refs: [a, b] }, { refs: [b, { ...a, weight: 5 }] }]), {
    'refs[name=b].name': 0,
    'refs[name=b].weight': 0,
    'refs[name=a].name': 0,
    'refs[name=a].weight': 1,
  });
});

await t.test('what was another kind of value, or has a strange name', async (t) => {
  t.same(blame([{ 'x/y': [1] }, { 'x/y': { 0: 1 } }, { 'x/y': [1], __proto__: null }]), { '["x/y"][0]': 2 });
  t.same(blame(['text', 'other']), { '': 1 });
  t.same(blame([null, { a: null }]), { a: 1 });
});
