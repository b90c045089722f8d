// Tests what is published of a real history: files that hold together, keys that are replaced or lost, and a history
// that was restored and goes on another way.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { join } from 'node:path';
import t from 'tap';
import { listenOn } from '#libs/runtime/ports.ts';
import type { Teardown } from '#libs/testing/peers/throwaway.ts';
import type { NoteKey } from '#libs/tlog/note-key.ts';
import { hashLeaf } from '#libs/tlog/tree-hash.ts';
import { appendRoutes, newFolder, newKey, openPublisher, origin } from '../testing/published.ts';
import * as shop from '../testing/shop.ts';
import { TestWriter } from '../testing/test-writer.ts';
import { openPlace } from '../places/open-place.ts';
import type { LogPlace } from '../places/place.ts';
import { readEdge, readEntries, readPublished, readTile } from './published-log.ts';

type Assertions = Pick<typeof t, 'equal' | 'strictSame' | 'fail'>;

void t.test('what is published holds together, and goes on after a restart', async (t) => {
  const db = await TestWriter.open(t);
  const folder = newFolder(t);
  const key = newKey(t);
  const place = openPlace(folder, {});
  const publisher = openPublisher(place, [key]);
  t.match(await publisher.publish(db.client), { size: 0, events: 0 });
  t.notOk(existsSync(join(folder, 'checkpoint')), 'nothing is signed before there is an event');
  await db.append(...shop.platform(), shop.route('a', 1));
  t.match(await publisher.publish(db.client), { size: 4, events: 4 });
  t.match(await publisher.publish(db.client), { size: 4, events: 0 });
  t.strictSame(files(folder, 'tile'), ['0/000.p/4', 'entries/000.p/4']);
  await appendRoutes(db, 700);
  t.match(await publisher.publish(db.client), { size: 704, events: 700 });
  t.strictSame(files(folder, 'tile'), [
    '0/000',
    '0/001',
    '0/002.p/192',
    '1/000.p/2',
    'entries/000',
    'entries/001',
    'entries/002.p/192',
  ]);
  await checkEntries(t, place, [key], 704);
  await db.append(shop.route('b', 1));
  t.match(await openPublisher(place, [key]).publish(db.client), { size: 705, events: 1 }, 'a new publisher goes on');
  await checkEntries(t, place, [key], 705);
  const [first] = await readEntries(place, 0, 705);
  t.match(JSON.parse(String(first)), { seq: 1, type: 'applied', kind: 'GatewayClass', v: 1 });
  t.match(readFileSync(join(folder, 'checkpoint'), 'utf8'), `${origin}\n705\n`);
  t.equal(readdirSync(join(folder, 'checkpoints')).length, 1, 'one of each day stays');
});

void t.test('a history that went back, or another way, is signed no more', async (t) => {
  const db = await TestWriter.open(t);
  const place = openPlace(newFolder(t), {});
  const key = newKey(t);
  await db.append(...shop.platform());
  await appendRoutes(db, 300);
  const publisher = openPublisher(place, [key]);
  await publisher.publish(db.client);
  await db.tamper('delete from events where seq > 250');
  const shorter = { code: 'log-forked', message: /303 events are published, and event 303 is missing/ };
  await t.rejects(publisher.publish(db.client), shorter);
  await t.rejects(openPublisher(place, [key]).publish(db.client), shorter);
  // As a backup of then would have it.
  await db.tamper('delete from log_tiles');
  await db.tamper('update projector set log_size = 250');
  await db.reopen();
  await appendRoutes(db, 100, 1000);
  await t.rejects(publisher.publish(db.client), { code: 'log-forked', message: /event 303 is another one/ });
  const deeds = await db.rows<{ data: string }>('select data from deeds');
  t.equal(deeds.length, 1, 'the history is told once');
  t.match(JSON.parse(deeds[0]?.data ?? ''), {
    type: 'checkpoint-refused',
    subject: `${origin} 303`,
    reason: /^not signed: the history does not continue what was published of it: 303 events/,
  });
  await db.writer.appendDeeds();
  t.match(await db.rows(`select kind, name from events where type = 'checkpoint-refused'`), [{ kind: 'Log' }]);
  const anew = openPlace(newFolder(t), {});
  const other = newKey(t, 'fleet.example/history-2');
  t.match(await openPublisher(anew, [other]).publish(db.client), { size: 351 }, 'as a new log it is published');
});

void t.test('keys are replaced with an overlap, and a lost one is followed by another', async (t) => {
  const db = await TestWriter.open(t);
  const folder = newFolder(t);
  const place = openPlace(folder, {});
  const [old, next] = [newKey(t), newKey(t)];
  await db.append(...shop.platform());
  await openPublisher(place, [old]).publish(db.client);
  await db.append(shop.route('a', 1));
  await openPublisher(place, [old, next]).publish(db.client);
  t.match(await readPublished(place, [old]), { size: 4 }, 'who knows the old key is served');
  t.match(await readPublished(place, [next]), { size: 4 }, 'and who knows the new one');
  await db.append(shop.route('b', 1));
  await openPublisher(place, [next]).publish(db.client);
  await t.rejects(readPublished(place, [old]), { code: 'checkpoint-untrusted', message: /none of the keys given/ });
  // The private half of `next` is lost: another key goes on from what it signed.
  const [last, { privateKey: _, ...lost }] = [newKey(t), next];
  await db.append(shop.route('c', 1));
  await t.rejects(openPublisher(place, [last]).publish(db.client), { code: 'checkpoint-untrusted' });
  t.match(await openPublisher(place, [last], { earlierKeys: [lost] }).publish(db.client), { size: 6, events: 1 });
  t.match(await readPublished(place, [last]), { size: 6 });
});

void t.test('what was published is checked before it is continued', async (t) => {
  const db = await TestWriter.open(t);
  const folder = newFolder(t);
  const place = openPlace(folder, {});
  const key = newKey(t);
  await db.append(...shop.platform());
  await openPublisher(place, [key]).publish(db.client);
  const untrusted = { code: 'checkpoint-untrusted' };
  const checkpoint = readFileSync(join(folder, 'checkpoint'), 'utf8');
  writeFileSync(join(folder, 'checkpoint'), checkpoint.replace('\n3\n', '\n2\n'));
  await t.rejects(openPublisher(place, [key]).publish(db.client), { ...untrusted, message: /signature .* is wrong/ });
  writeFileSync(join(folder, 'checkpoint'), checkpoint);
  const bundle = join(folder, 'tile/entries/000.p/3');
  const entries = readFileSync(bundle);
  writeFileSync(bundle, entries.toString('latin1').replace('applied', 'deleted'), 'latin1');
  await t.rejects(openPublisher(place, [key]).publish(db.client), {
    ...untrusted,
    message: /other hashes than its tiles/,
  });
  rmSync(bundle);
  await t.rejects(openPublisher(place, [key]).publish(db.client), { ...untrusted, message: /000.p\/3 is missing/ });
  writeFileSync(bundle, entries);
  writeFileSync(join(folder, 'tile/0/000.p/3'), Buffer.alloc(96));
  await t.rejects(openPublisher(place, [key]).publish(db.client), { ...untrusted, message: /another root/ });
});

void t.test('it is published to a Git repository with its remote, and to a store over HTTP', async (t) => {
  const db = await TestWriter.open(t);
  const key = newKey(t);
  await db.append(...shop.platform());
  const [remote, work] = [newFolder(t), newFolder(t)];
  git(remote, 'init', '--quiet', '--bare');
  git(work, 'init', '--quiet', '--initial-branch', 'main');
  git(work, 'remote', 'add', 'origin', remote);
  const repository = openPublisher(openPlace(`git:${work}`, {}), [key]);
  await repository.publish(db.client);
  const { url, stored } = await startStore(t, 'Bearer secret');
  const inStore = openPlace(url, { FLEETGATE_CHECKPOINTS_AUTHORIZATION: 'Bearer secret' });
  const store = openPublisher(inStore, [key]);
  await store.publish(db.client);
  await db.append(shop.route('a', 1));
  await repository.publish(db.client);
  await repository.publish(db.client);
  t.equal(git(remote, 'log', '--format=%s', 'main'), `${origin}: 4 events\n${origin}: 3 events\n`);
  t.match(git(remote, 'show', 'main:checkpoint'), `${origin}\n4\n`);
  await store.publish(db.client);
  t.match(String(stored.get('/log/checkpoint')), `${origin}\n4\n`);
  await checkEntries(t, inStore, [key], 4);
  await t.rejects(openPublisher(openPlace(url, {}), [key]).publish(db.client), {
    code: 'file',
    message: /answered 401/,
  });
  t.throws(() => openPlace('s3://bucket', {}), { code: 'config' });
});

/** Checks every entry against the tiles, and the tiles against the checkpoint. */
async function checkEntries(t: Assertions, place: LogPlace, keys: readonly NoteKey[], size: number): Promise<void> {
  const checkpoint = await readPublished(place, keys);
  t.equal(checkpoint?.size, size);
  t.equal((await readEdge(place, checkpoint)).frontier.size, size);
  let seq = 0;
  for (let index = 0; index * 256 < size; index++) {
    const entries = await readEntries(place, index, size);
    const hashes = await readTile(place, { level: 0, index, size });
    t.strictSame(
      entries.map((entry) => hashLeaf(entry).toString('hex')),
      hashes.map((hash) => Buffer.from(hash).toString('hex')),
    );
    for (const entry of entries) if (Number(JSON.parse(String(entry)).seq) !== ++seq) t.fail(`entry ${seq}`);
  }
  t.equal(seq, size);
}

function files(folder: string, under: string): readonly string[] {
  return readdirSync(join(folder, under), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(join(folder, under).length + 1))
    .toSorted();
}

function git(folder: string, ...args: readonly string[]): string {
  return execFileSync('git', ['-C', folder, ...args], { encoding: 'utf8' });
}

/** Starts a store that keeps what is PUT, for who has the right word. */
async function startStore(t: Teardown, word: string) {
  const stored = new Map<string, Buffer>();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = request.url ?? '';
    const body = Buffer.concat(await request.toArray());
    if (request.headers.authorization !== word) response.writeHead(401).end();
    else if (request.method === 'PUT') {
      stored.set(path, body);
      response.writeHead(201).end();
    } else response.writeHead(stored.has(path) ? 200 : 404).end(stored.get(path));
  };
  const server = createServer((request, response) => void answer(request, response));
  const port = await listenOn(server, { host: '127.0.0.1', port: 0 });
  t.teardown(() => server.close());
  return { url: `http://127.0.0.1:${port}/log`, stored };
}
