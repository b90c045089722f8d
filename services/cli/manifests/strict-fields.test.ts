import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { kinds, kubernetesKind } from '#libs/gateway/kinds.ts';
import { unknownFields } from './strict-fields.ts';

const route = (spec: string): string =>
  `apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: r, namespace: shop }\nspec:\n${spec}`;

void t.test('an unknown field is told with its line, its path and what may have been meant', async (t) => {
  t.strictSame(unknownFields(route('  rules:\n    - backendRfes: []\n    - matches: [{ headrs: [] }]\n')), [
    { line: 6, message: 'HTTPRoute shop/r: unknown field "spec.rules[0].backendRfes"; did you mean backendRefs?' },
    { line: 7, message: 'HTTPRoute shop/r: unknown field "spec.rules[1].matches[0].headrs"; did you mean headers?' },
  ]);
  t.strictSame(
    unknownFields('apiVersion: v1\nkind: Service\nmetadata:\n  name: s\n  labls: {}\nzzz: 1\n').map(({ line }) => line),
    [5, 6],
  );
  const item = `{apiVersion: v1, kind: Namespace, metadata: {name: n}, spek: {}}`;
  const list = `apiVersion: v1\nkind: List\nitems:\n- ${item}\n`;
  t.match(unknownFields(list), [{ line: 4, message: /Namespace n: unknown field "spek"/ }]);
});

void t.test('every version of every kind that is read has a table', async (t) => {
  for (const { kind, group, versions } of kinds) {
    for (const version of versions) {
      const apiVersion = group === '' ? version : `${group}/${version}`;
      const text = `{apiVersion: ${apiVersion}, kind: ${kubernetesKind(kind)}, metadata: {name: x}, nonsense: 1}`;
      t.match(unknownFields(text), [{ line: 1, message: /unknown field "nonsense"/ }], `${apiVersion} ${kind}`);
    }
  }
});

void t.test('what is free to hold anything, unknown kinds and unreadable files are not looked into', async (t) => {
  for (const text of [
    '{apiVersion: v1, kind: ConfigMap, metadata: {name: c, labels: {a: b}, annotations: {c: d}}, data: {e: f}}',
    '{apiVersion: apps/v1, kind: Deployment, nonsense: 1}',
    'kind: [',
    '',
    '- 1',
    route('  rules: [[[]], 1, null, { filters: 1 }]\n'),
    route(`  rules: ${'['.repeat(5000)}${']'.repeat(5000)}\n`),
  ])
    t.strictSame(unknownFields(text), [], text.slice(0, 60));
});

void t.test('the examples have no unknown field', async (t) => {
  const folder = fileURLToPath(new URL('../../../examples', import.meta.url));
  const files = globSync(`${folder}/**/*.yaml`);
  t.ok(files.length > 0);
  for (const file of files) t.strictSame(unknownFields(readFileSync(file, 'utf8')), [], file);
});

t.end();
