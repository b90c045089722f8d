// Moves a history out of a real Postgres and reads it back: nothing that is needed leaves, what left is what was
// hashed, and the whole history still verifies.
import { createServer } from 'node:http';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import t from 'tap';
import { portOf } from '#libs/runtime/ports.ts';
import { type Teardown, throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { verifyAudit } from '../audit/verifying.ts';
import { openPlace } from '../places/open-place.ts';
import type { LogPlace } from '../places/place.ts';
import { runRebuild } from '../rebuild/rebuild.ts';
import * as shop from '../testing/shop.ts';
import { TestWriter } from '../testing/test-writer.ts';
import { archiveEvents } from './archive-events.ts';
import { archiveVersions } from './archive-versions.ts';
import { archivedEvents } from './archived-events.ts';
import { restoreVersion } from './restore-version.ts';

const noLimits = {
  entriesMax: undefined,
  bytesMax: undefined,
  removedShareMax: undefined,
  removedMin: undefined,
  removedRoutesMin: undefined,
};
const soon = (): Date => new Date(Date.now() + 60_000);

/** Makes a history of 900 events and as many versions but for a few. */
async function history(test: Teardown): Promise<{ readonly db: TestWriter; readonly client: Client }> {
  const db = await TestWriter.open(test);
  await db.append(...shop.platform(), shop.route('old', 1));
  for (let version = 2; version <= 450; version++) await db.append(shop.route('a', version));
  await db.decide(shop.command({ type: 'rollback', to: 5 }));
  await db.decide(shop.command({ type: 'release' }));
  for (let version = 451; version <= 900; version++) await db.append(shop.route('b', version));
  const client = new Client({ connectionString: db.url });
  await client.connect();
  test.teardown(() => client.end());
  return { db, client };
}

const verify = async (db: TestWriter, archive?: string): Promise<string> => {
  const lines: string[] = [];
  await runRebuild({ databaseUrl: db.url, verify: true, ...noLimits, archive }, (line) => lines.push(line));
  return lines.at(-1) ?? '';
};

void t.test('what left is what was hashed, what is needed stays, and all of it verifies', async (t) => {
  const { db, client } = await history(t);
  const folder = await throwawayFolder(t);
  const place = openPlace(folder, {});
  const before = await db.rows<{ seq: string; data: string }>('select seq, id, data from events order by seq');
  const done = await archiveEvents(client, place, soon(), () => undefined);
  t.match(done, { first: 1, last: 512 });
  t.ok((done?.gone ?? 0) > 500, 'but for the newest event of each object and those of Gateways');
  t.same(await archiveEvents(client, place, soon(), () => undefined), undefined, 'nothing more is a whole bundle');
  const read: unknown[] = [];
  for await (const events of archivedEvents(place, 512))
    for (const { seq, id, data } of events) read.push({ seq: String(seq), id, data });
  t.strictSame(read, before.slice(0, 512), 'the same texts');
  t.match(await db.rows(`select name from events where seq <= 512 order by seq`), [
    { name: 'fleetgate' },
    { name: 'web' },
    { name: 'shop' },
    { name: 'old' },
    { name: 'a' },
  ]);

  await db.rows(`insert into nodes values ('n', '1', '{}', '[]', '[]', 'r', true, 'live', now(), now())`);
  await db.rows(
    `insert into node_gateways select 'n', gateway, 30, digest, now(), 1 from snapshots where version = 30`,
  );
  const versions = await archiveVersions(client, place, soon());
  t.ok(versions.versions > 850, `${versions.versions} versions`);
  t.ok(versions.entries > 800, `${versions.entries} entries`);
  const kept = await db.rows<{ version: number }>('select version from snapshots order by version');
  t.strictSame(kept.map(({ version }) => version).slice(0, 3), [5, 30, 451], 'a target, a node’s, the rollback');
  await db.rows('delete from deeds where id like $1', 'token%');
  await db.writer.appendDeeds();
  t.match(
    await db.rows(`select name, data::jsonb ->> 'reason' as reason from events where type = 'history-archived'`),
    [{ name: '1-512', reason: /^moved events 1 to 512 into .* with the root \w{64}$/ }],
  );
  await db.append(shop.route('c', 1));
  await db.reopen();
  await db.append(shop.route('c', 2));

  await t.rejects(verify(db), { code: 'archive', message: /events 1 to 512 are in the archive/ });
  t.match(await verify(db, folder), /^identical: /);
  const audit = { databaseUrl: db.url, checkpoint: [], tiles: undefined, key: [], eventsOnly: false, progress: false };
  t.match(await verifyAudit({ ...audit, ...noLimits, archive: folder }, () => undefined), {
    faultCount: 0,
    snapshots: { differenceCount: 0 },
  });

  t.match(await db.decide(shop.command({ type: 'rollback', to: 100 })), {
    outcome: { ok: false, message: /archive restore eu\/infra\/web@100/ },
  });
  await restoreVersion(client, shop.gateway, 100);
  t.match(await db.decide(shop.command({ type: 'rollback', to: 100 })), { outcome: { ok: true, to: 100 } });
  await t.rejects(restoreVersion(client, shop.gateway, 5), { code: 'not-found' }, 'it never left');
  t.match(await verify(db, folder), /^identical: /);

  const [newest] = await db.rows<{ seq: string }>('select max(seq) as seq from events');
  await db.tamper('delete from events');
  const emptied = await verifyAudit({ ...audit, eventsOnly: true, ...noLimits, archive: folder }, () => undefined);
  t.match(
    emptied.faults.map(({ text }) => text),
    ['tile 0/2 of the log is stored, and is not full yet', `the database counts ${newest?.seq} events, and has 512`],
    'what left it is not missing, though every row is',
  );
});

void t.test('an archive that was changed is refused, and nothing is dropped into one that loses bytes', async (t) => {
  const { db, client } = await history(t);
  const folder = await throwawayFolder(t);
  const place = openPlace(folder, {});
  const lossy: LogPlace = { ...place, read: async (path) => (await place.read(path))?.subarray(0, -1) };
  await t.rejects(archiveEvents(client, lossy, soon(), () => undefined));
  t.match(await db.rows('select count(*)::int as n from events where seq <= 512'), [{ n: 512 }]);
  await t.rejects(
    client.query(`select archive_events(1, 300, 'x')`),
    /are not the next whole bundles/,
    'nothing but whole bundles',
  );
  await t.rejects(client.query('delete from events where seq = 1'), /keeps what was written/);
  await archiveEvents(client, place, soon(), () => undefined);
  await t.rejects(client.query('delete from events where seq = 800'), /keeps what was written/, 'and after it');
  const file = join(folder, 'tile/entries/000');
  const bytes = await readFile(file);
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  await writeFile(file, bytes);
  await t.rejects(verify(db, folder));
});

void t.test('an object store that takes PUT keeps an archive', async (t) => {
  const { client } = await history(t);
  const files = new Map<string, Buffer>();
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (request.method === 'PUT') files.set(path, Buffer.concat(chunks));
      const found = files.get(path);
      response.writeHead(found === undefined ? 404 : 200).end(request.method === 'GET' ? found : undefined);
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.teardown(() => server.close());
  const place = openPlace(`http://127.0.0.1:${portOf(server.address())}/fleet`, {});
  t.match(await archiveEvents(client, place, soon(), () => undefined), { last: 512 });
  t.strictSame([...files.keys()].toSorted(), [
    '/fleet/data/000.zst',
    '/fleet/data/001.zst',
    '/fleet/tile/entries/000',
    '/fleet/tile/entries/001',
  ]);
});
