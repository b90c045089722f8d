import t from 'tap';
import { diffFields } from './field-diff.ts';

const cases: readonly {
  readonly name: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly changes: readonly unknown[];
}[] = [
  { name: 'equal', before: { a: [1, { b: null }] }, after: { a: [1, { b: null }] }, changes: [] },
  {
    name: 'a value',
    before: { a: { b: 1 } },
    after: { a: { b: 2 } },
    changes: [{ path: 'a.b', before: 1, after: 2 }],
  },
  {
    name: 'added and removed',
    before: { a: 1 },
    after: { b: 2 },
    changes: [
      { path: 'a', before: 1 },
      { path: 'b', after: 2 },
    ],
  },
  { name: 'null is a value', before: { a: null }, after: { a: 0 }, changes: [{ path: 'a', before: null, after: 0 }] },
  {
    name: 'a list by place',
    before: [1, 2],
    after: [1, 3, 4],
    changes: [
      { path: '[1]', before: 2, after: 3 },
      { path: '[2]', after: 4 },
    ],
  },
  {
    name: 'a list by name',
    before: {
      l: [
        { name: 'x', p: 1 },
        { name: 'y', p: 2 },
      ],
    },
    after: {
      l: [
        { name: 'y', p: 3 },
        { name: 'x', p: 1 },
      ],
    },
    changes: [{ path: 'l[name=y].p', before: 2, after: 3 }],
  },
  {
    name: 'a filter, in the order in which it was written',
    before: {
      filters: { requests: [{ type: 'ExternalAuth', externalAuth: { http: { allowedHeaders: ['X-A'] } } }] },
    },
    after: {
      filters: {
        requests: [
          { type: 'ExternalAuth', externalAuth: { http: { allowedHeaders: ['X-B'] } } },
          { type: 'ExtensionRef' },
        ],
      },
    },
    changes: [
      { path: 'filters.requests[0].externalAuth.http.allowedHeaders[0]', before: 'X-A', after: 'X-B' },
      { path: 'filters.requests[1]', after: { type: 'ExtensionRef' } },
    ],
  },
  { name: 'another type', before: { a: [] }, after: { a: {} }, changes: [{ path: 'a', before: [], after: {} }] },
  { name: 'odd keys', before: {}, after: { 'a.b/c': 1 }, changes: [{ path: '"a.b/c"', after: 1 }] },
  { name: 'whole', before: undefined, after: { a: 1 }, changes: [{ path: '', after: { a: 1 } }] },
];

void t.test('diffFields', async (t) => {
  for (const { name, before, after, changes } of cases)
    t.same(diffFields(before, after), { changes, truncated: false }, name);
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`k${i}`, i]));
  t.match(diffFields({}, many), { truncated: true, changes: { length: 200 } });
});
