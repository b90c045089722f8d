// Tests proofs of single events: given from what was published and from the database, checked with nothing else, and
// refused where anything of them is forged.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readOptions } from '#libs/runtime/config.ts';
import { appendRoutes, publishAnew } from '../testing/published.ts';
import * as shop from '../testing/shop.ts';
import { TestWriter } from '../testing/test-writer.ts';
import { readVerifierKeys } from './log-keys.ts';
import { proveOptions } from './options.ts';
import { checkProof } from './proof-check.ts';
import { proveEvent } from './proving.ts';

type Flags = Readonly<Record<string, unknown>>;

const prove = (event: string, flags: Flags) => proveEvent(event, readOptions(proveOptions, flags, {}));

void t.test('every event is proved, from what was published and from the database', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform());
  await appendRoutes(db, 300);
  const { folder, vkey } = await publishAnew(t, db);
  const keys = readVerifierKeys([vkey]);
  const published = { tiles: folder, key: [vkey] };
  const stored = { databaseUrl: db.url, checkpoint: join(folder, 'checkpoint'), key: [vkey] };
  for (const seq of [1, 2, 256, 257, 303]) {
    const { proof } = await prove(String(seq), published);
    t.strictSame((await prove(String(seq), stored)).proof, proof, `event ${seq} has one proof`);
    t.match(checkProof(proof, 'a', keys), { seq, origin: 'fleet.example/history', size: 303, hasData: false });
  }
  const [row] = await db.rows<{ id: string; data: string }>('select id, data from events where seq = 9');
  const { id, data } = row ?? { id: '', data: '' };
  const whole = await prove(id, { ...stored, tiles: folder, withData: true });
  t.equal(whole.data, data);
  t.match(checkProof(JSON.stringify(whole), 'a', keys), { seq: 9, hasData: true, event: { kind: 'HTTPRoute' } });
  const other = JSON.stringify({ ...whole, data: data.replace('r5', 'r6') });
  t.throws(() => checkProof(other, 'a', keys), { code: 'checkpoint-untrusted', message: /data beside it/ });
});

void t.test('what is forged is refused', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform(), shop.route('a', 1));
  const { folder, vkey } = await publishAnew(t, db);
  const keys = readVerifierKeys([vkey]);
  const { proof } = await prove('4', { tiles: folder, key: [vkey] });
  const refuses = (text: string, message: RegExp): void => {
    t.throws(() => checkProof(text, 'a', keys), { code: 'checkpoint-untrusted', message });
  };
  const [, extra = ''] = proof.split('\n');
  const entry = Buffer.from(extra.slice('extra '.length), 'base64').toString();
  const forged = Buffer.from(entry.replace('"name":"a"', '"name":"b"')).toString('base64');
  refuses(proof.replace(extra, `extra ${forged}`), /not number 4 in the tree/);
  refuses(proof.replace('index 3', 'index 2'), /not number 3 in the tree/);
  refuses(proof.replace(`${extra}\n`, ''), /does not hold the event/);
  refuses(proof.replace('\n4\n', '\n5\n'), /signature .* is wrong/);
  refuses('{}', /JSON without a proof/);
  refuses('', /no proof/);
  const strangers = readVerifierKeys([(await publishAnew(t, db)).vkey]);
  t.throws(() => checkProof(proof, 'a', strangers), { message: /none of the keys given signed it/ });
});

void t.test('what cannot be proved is told', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform());
  const { folder, vkey } = await publishAnew(t, db);
  await db.append(shop.route('a', 1));
  const checkpoint = join(folder, 'checkpoint');
  const stored = { databaseUrl: db.url, checkpoint, key: [vkey] };
  await t.rejects(prove('4', stored), { code: 'not-found', message: /signs 3 events, and event 4 is newer/ });
  await t.rejects(prove('nothing', stored), { code: 'not-found' });
  await t.rejects(prove('1', { databaseUrl: db.url, key: [vkey] }), { code: 'config' });
  await t.rejects(prove('1', { ...stored, key: [] }), { code: 'config' });
  await db.tamper(`update events set manager = 'nobody' where seq = 1`);
  await t.rejects(prove('1', stored), { code: 'history-altered', message: /event 1 is not in the tree/ });
  t.match(await prove('2', stored), { seq: 2 }, 'what was not altered can be proved still');
  await db.tamper(`delete from events where seq = 3`);
  t.match(readFileSync(checkpoint, 'utf8'), '\n3\n');
  await t.rejects(prove('1', stored), { code: 'history-altered' });
});
