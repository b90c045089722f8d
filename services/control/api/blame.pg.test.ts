// Blame is answered in pages that fit together: what they say of an object with thousands of changes is what a look at
// all of them at once says, whatever happens to the object between two pages.
import t from 'tap';
import { type Manifest, applied, deleted } from '#libs/testing/given/change-events.ts';
import { openPostgres } from '#libs/runtime/postgres/postgres.ts';
import { testLogger } from '#libs/testing/peers/throwaway.ts';
import { TestWriter } from '../../projector/testing/test-writer.ts';
import { type BlamePlace, readBlame } from './reads/object-blame.ts';

const changes = 6000;
const name = { cluster: 'eu', kind: 'HTTPRoute', namespace: 'shop', name: 'shop' };

/** Its fields change every time, every thousandth time, there and back, in the beginning, or never. */
function manifest(turn: number): Manifest {
  const spec = {
    each: turn,
    thousandth: Math.floor(turn / 1000),
    back: turn === 500 ? 'away' : 'there',
    early: turn < 10 ? 'first' : 'then',
    never: ['same'],
  };
  return { kind: 'HTTPRoute', metadata: { name: 'shop', namespace: 'shop' }, spec };
}

void t.test('pages of a blame fit together', async (t) => {
  const writer = await TestWriter.open(t);
  const postgres = openPostgres({ url: writer.url, log: testLogger() });
  t.teardown(() => postgres.close());
  await writer.append(applied(manifest(0), 'eu', '1'), deleted(manifest(0), 'eu', '2'));
  for (let turn = 1; turn <= changes; turn += 1000) {
    const batch = Array.from({ length: 1000 }, (_, index) =>
      applied(manifest(turn + index), 'eu', String(turn + index + 2)),
    );
    await writer.append(...batch);
  }
  // The first two events are of the object before: turn n is event n + 2.
  const found = new Map<string, string | undefined>();
  let [place, pages]: [BlamePlace | undefined, number] = [undefined, 0];
  do {
    const page = await readBlame(postgres.db, name, place);
    for (const { path, event } of page?.fields ?? []) {
      t.equal(found.get(path), undefined, `${path} is found once`);
      found.set(path, event?.seq);
    }
    if (pages === 0) {
      t.equal(page?.deleted, false);
      t.equal(found.get('spec.each'), String(changes + 2));
      t.equal(found.get('spec.thousandth'), String(changes + 2));
      t.equal(found.get('spec.never[0]'), undefined, 'older than the first page');
      t.ok(found.has('spec.never[0]'), 'and named there');
      await writer.append(
        applied(manifest(changes + 1), 'eu', String(changes + 9)),
        deleted(manifest(0), 'eu', '99999'),
      );
    }
    place = page?.next ?? undefined;
    pages += 1;
  } while (place !== undefined);
  t.equal(pages, 4);
  t.equal(found.get('spec.back'), '503', 'it went away and came back');
  t.equal(found.get('spec.early'), '12');
  t.equal(found.get('spec.never[0]'), '3', 'not that of the object before');
  const later = await readBlame(postgres.db, name, undefined);
  t.equal(later?.deleted, true);
  t.equal(later?.fields.find(({ path }) => path === 'spec.each')?.event?.seq, String(changes + 3));
  t.equal(await readBlame(postgres.db, { ...name, name: 'none' }, undefined), undefined);
  const odd = { of: '7', next: '5', deleted: false, open: '!' };
  t.equal(await readBlame(postgres.db, { ...name, name: 'none' }, odd), undefined);
});
