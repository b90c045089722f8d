// Tests cosignatures: a witness follows the log from wherever it is, is done without while it is away, and a history
// that it contradicts is not signed any more.
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { appendRoutes, newFolder, newKey, openPublisher } from '../testing/published.ts';
import * as shop from '../testing/shop.ts';
import { TestWriter } from '../testing/test-writer.ts';
import { startWitness } from '../testing/witness.ts';
import { openPlace } from '../places/open-place.ts';
import { describeSigners, readPublished } from './published-log.ts';

void t.test('a witness cosigns what continues what it saw', async (t) => {
  const db = await TestWriter.open(t);
  const key = newKey(t);
  const witness = await startWitness(t, key);
  const folder = newFolder(t);
  const place = openPlace(folder, {});
  const publisher = openPublisher(place, [key], { witnesses: [witness] });
  await db.append(...shop.platform());
  t.match(await publisher.publish(db.client), { size: 3, cosigned: ['witness.example/w1'] });
  const checkpoint = await readPublished(place, [key, witness.key]);
  t.match(checkpoint?.signed, [{}, { time: 1_790_000_000 }]);
  t.match(checkpoint && describeSigners(checkpoint), /, witness witness.example\/w1\+[0-9a-f]{8} at 2026-/);
  await t.rejects(
    readPublished(place, [witness.key]),
    { code: 'checkpoint-untrusted' },
    'it does not sign for the log',
  );
  await appendRoutes(db, 300);
  witness.failing = 503;
  t.match(await publisher.publish(db.client), { size: 303, cosigned: [] }, 'it is published without a witness');
  witness.failing = undefined;
  await db.append(shop.route('a', 1));
  t.match(await publisher.publish(db.client), { size: 304, cosigned: ['witness.example/w1'] });
  t.equal(witness.seen.size, 304, 'it was led on from what it saw');
});

void t.test('what a witness contradicts is not signed', async (t) => {
  const db = await TestWriter.open(t);
  const key = newKey(t);
  const witness = await startWitness(t, key);
  const folder = newFolder(t);
  const publisher = openPublisher(openPlace(folder, {}), [key], { witnesses: [witness] });
  await db.append(...shop.platform(), shop.route('a', 1));
  await publisher.publish(db.client);
  const before = readFileSync(join(folder, 'checkpoint'), 'utf8');
  // The folder is restored from a backup together with the database: only the witness knows better.
  rmSync(folder, { recursive: true });
  mkdirSync(folder);
  await db.tamper('delete from events where seq > 2');
  const anew = openPublisher(openPlace(folder, {}), [key], { witnesses: [witness] });
  await t.rejects(anew.publish(db.client), forked(/the witness .* saw 4 events, and this history has 2/));
  await db.tamper('update projector set log_size = 2');
  await db.reopen();
  await db.append(shop.route('b', 1), shop.route('b', 2));
  await t.rejects(anew.publish(db.client), forked(/saw another root of 4 events/));
  await db.append(shop.route('c', 1));
  await t.rejects(anew.publish(db.client), forked(/saw another beginning of this history/));
  t.notOk(existsSync(join(folder, 'checkpoint')), 'nothing was signed');
  t.match(before, '\n4\n');
  const deeds = await db.rows<{ data: string }>('select data from deeds');
  t.match(JSON.parse(deeds[0]?.data ?? ''), { type: 'checkpoint-refused' });
});

void t.test('an answer that is none is no cosignature', async (t) => {
  const db = await TestWriter.open(t);
  const key = newKey(t);
  const [witness, other] = [await startWitness(t, key), await startWitness(t, key)];
  const strange = { url: witness.url, key: other.key };
  await db.append(...shop.platform());
  const publisher = openPublisher(openPlace(newFolder(t), {}), [key], { witnesses: [strange] });
  t.match(await publisher.publish(db.client), { size: 3, cosigned: [] });
  const nobody = { url: 'http://127.0.0.1:9', key: witness.key };
  const lonely = openPublisher(openPlace(newFolder(t), {}), [key], { witnesses: [nobody] });
  t.match(await lonely.publish(db.client), { size: 3, cosigned: [] });
});

function forked(message: RegExp) {
  return { code: 'log-forked', message };
}
