// Which stages objects of the storefront run, as people and programs see it.
import { join } from 'node:path';
import t from 'tap';
import { golden } from '#libs/testing/golden.ts';
import { storefront } from '../demo/storefront.ts';
import { stagesText } from '../views/stages-text.ts';
import { manifestStages } from './stages-report.ts';

const eu = join(storefront, 'eu');
const look = { width: undefined };
const still = (): number => 0;

await t.test('one object that comes last: every key, with causes and where it stops', async (t) => {
  const last = { kind: 'Service', namespace: 'shop', name: 'cart' } as const;
  const report = await manifestStages(eu, 'eu', last, still);
  t.equal(report.seq, null);
  t.equal(report.leftOut, 0);
  golden(t, new URL('testdata/service.txt', import.meta.url), `${stagesText(report, look, false)}\n`);
});

await t.test('a whole folder: sums by stage, and every key where all are wanted', async (t) => {
  const report = await manifestStages(eu, 'eu', undefined, still);
  const text = stagesText(report, look, false);
  t.match(text, /^after 0 events: \d+ stages ran \d+ times in 0\.000 ms; \d+ outputs changed, \d+ stopped$/m);
  t.match(text, /^backend +5 +5 +0 +0 +0\.000$/m);
  t.match(text, /^\d+ keys; --all lists them$/m);
  t.match(text, /^→ eu\/platform\/shared version 1: 14 entries$/m);
  const all = stagesText(report, look, true).split('\n');
  t.equal(all.filter((line) => /^backend {2}/.test(line)).length, 5, 'a line for each backend');
});

await t.test('what the folder does not have is said', async (t) => {
  const absent = { kind: 'Service', namespace: 'shop', name: 'absent' } as const;
  await t.rejects(manifestStages(eu, 'eu', absent, still), { code: 'not-found', message: /eu\/Service\/shop\/absent/ });
  await t.rejects(manifestStages(join(eu, 'absent'), 'eu', undefined, still), { code: 'folder' });
});
