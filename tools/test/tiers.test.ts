import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { findTestFiles, otherTiers, parseTiers, tierOf } from './tiers.ts';

void t.test('the suffix of a test names its tier', async (t) => {
  t.equal(tierOf('libs/xds/a.envoy.test.ts'), 'envoy');
  t.equal(tierOf('libs/xds/a.test.ts'), 'pure');
  t.equal(tierOf('libs/xds/a.other.test.ts'), 'pure');
});

void t.test('tiers are named, all, or those that need no lab', async (t) => {
  t.strictSame(parseTiers('pg,pure'), ['pure', 'pg']);
  t.strictSame(otherTiers(parseTiers('all')), []);
  t.strictSame(otherTiers(parseTiers(undefined)), ['k8s', 'conformance']);
  t.throws(() => parseTiers('pg,unit'), {
    message: 'there is no tier unit; the tiers are pure, pg, nats, envoy, e2e, k8s, conformance and all',
  });
});

void t.test('a path is a test, or a folder with tests', async (t) => {
  const root = t.testdir();
  for (const file of ['libs/a/b.ts', 'libs/a/b.test.ts', 'libs/a/c/d.pg.test.ts', 'libs/e/f.ts', 'tools/g.test.ts']) {
    mkdirSync(join(root, dirname(file)), { recursive: true });
    writeFileSync(join(root, file), '');
  }
  const all = ['libs/a/b.test.ts', 'libs/a/c/d.pg.test.ts', 'tools/g.test.ts'];
  t.strictSame(findTestFiles(root, []), all);
  t.strictSame(findTestFiles(root, ['libs/a/']), all.slice(0, 2));
  t.strictSame(findTestFiles(root, ['./libs/a/c', 'libs/a']), all.slice(0, 2));
  t.strictSame(findTestFiles(root, ['libs/a/b.test.ts']), ['libs/a/b.test.ts']);
  t.throws(() => findTestFiles(root, ['libs/x']), { message: 'there is no libs/x' });
  t.throws(() => findTestFiles(root, ['g.test.ts']), {
    message: 'there is no g.test.ts; do you mean tools/g.test.ts?',
  });
  t.throws(() => findTestFiles(root, ['libs/e']), { message: 'libs/e has no tests: their names end in .test.ts' });
  t.throws(() => findTestFiles(root, ['libs/a/b.ts']), {
    message: 'libs/a/b.ts is no test; beside it is libs/a/b.test.ts',
  });
});
