// Tests last-good on a real disk: what is read back is what was appended, whatever happened to the files.
import { appendFile, mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { sha256 } from '#libs/gateway/canonical.ts';
import type { DiscoveryMessage, Held } from '#libs/protocol/messages.ts';
import type { EntryChanges, NodeContent } from '#libs/protocol/node-session.ts';
import { createLogger, type Logger } from '#libs/runtime/log.ts';
import { digestOf } from '#libs/snapshot/digest.ts';
import { decodeLines, encodeLine } from './checked-lines.ts';
import { Journal } from './journal.ts';
import { LastGood } from './last-good.ts';

type Content = Readonly<Record<string, string>>;

const sealed = { keyId: 'k', enc: 'e', ciphertext: 'c' };
const discovery: DiscoveryMessage = {
  type: 'discovery',
  upserts: [
    { key: 'endpoints/a', hash: 'h1', item: { kind: 'endpoints', endpoints: [{ address: '192.0.2.1', port: 80 }] } },
    { key: 'tls/a', hash: 'h2', item: { kind: 'tls', fingerprint: 'f', sealed } },
  ],
  removes: [],
};

void t.test('checked lines: what is torn or altered is found', (t) => {
  const text = encodeLine({ a: 'ü\n' }) + encodeLine([1]) + encodeLine(null);
  const bytes = Buffer.from(text);
  t.same(decodeLines(bytes), { values: [{ a: 'ü\n' }, [1], null], goodBytes: bytes.length, problem: undefined });
  const two = Buffer.byteLength(encodeLine({ a: 'ü\n' }) + encodeLine([1]));
  for (const cut of [1, 5, 12]) {
    const torn = decodeLines(bytes.subarray(0, two + cut));
    t.same(torn, { values: [{ a: 'ü\n' }, [1]], goodBytes: two, problem: 'torn' });
  }
  const altered = Buffer.from(text.replace('[1]', '[2]'));
  t.match(decodeLines(altered), { values: [{ a: 'ü\n' }], problem: 'altered' });
  t.end();
});

void t.test('what was appended is read back', async (t) => {
  const disk = await newDisk(t);
  const first = await disk.open();
  t.same(plain(first.content), { gateways: [], discovery: {} });
  first.lastGood.appendDiscovery(discovery);
  const one = append(first.lastGood, null, {}, { a: '1', b: '2' });
  append(first.lastGood, one, { a: '1', b: '2' }, { b: '3', c: '4' });
  first.lastGood.appendDiscovery({ type: 'discovery', upserts: [], removes: ['endpoints/a'] });
  await first.lastGood.flush();
  // Not closed: a node that is killed closes nothing.
  const second = await disk.open();
  t.same(plain(second.content), {
    gateways: [{ ...held(2, { b: '3', c: '4' }), entries: { b: '3', c: '4' } }],
    discovery: { 'tls/a': 'h2' },
  });
  t.same(disk.errors(), []);
});

void t.test('a torn end is cut off, and what follows is read back', async (t) => {
  const disk = await newDisk(t);
  const { lastGood } = await disk.open();
  const one = append(lastGood, null, {}, { a: '1' });
  await lastGood.close();
  await appendFile(await disk.newest('journal'), encodeLine({ type: 'pong' }).slice(0, 9));
  const again = await disk.open();
  append(again.lastGood, one, { a: '1' }, { a: '2' });
  await again.lastGood.close();
  t.match(plain((await disk.open()).content).gateways, [{ version: 2, entries: { a: '2' } }]);
  t.same(disk.errors(), [], 'a crash in the middle of a write is no damage');
});

void t.test('compaction: nothing is lost, also not what is appended meanwhile; two generations stay', async (t) => {
  const disk = await newDisk(t);
  const { lastGood } = await disk.open();
  let content: Content = {};
  let before: Held | null = null;
  for (let i = 1; i <= 5; i++) {
    const next = Object.fromEntries(Array.from({ length: 300 * i }, (_, n) => [`k${n}`, `${n % 7}-${i}`]));
    before = append(lastGood, before, content, next);
    content = next;
    const compacted = lastGood.compact(contentOf(before, content));
    const during: Content = { ...content, [`during${i}`]: 'x' };
    before = append(lastGood, before, content, during);
    content = during;
    await lastGood.flush();
    await compacted;
  }
  const files = (await readdir(disk.folder)).toSorted();
  t.same(
    files.map((name) => name.replace(/^0+/, '')),
    ['5.base', '5.journal', '6.base', '6.journal'],
  );
  t.same(plain((await disk.open()).content).gateways, [{ ...held(10, content), entries: content }]);

  await t.test('a damaged base: the generation before it has the same content', async (t) => {
    const base = await disk.newest('base');
    const bytes = await readFile(base);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 0x20;
    await writeFile(base, bytes);
    const again = await disk.open();
    t.same(plain(again.content).gateways, [{ ...held(10, content), entries: content }]);
    t.match(disk.errors(), [/damaged/, /before the damaged/]);
    append(again.lastGood, before, content, { a: 'after' });
    await again.lastGood.close();
    t.match(plain((await disk.open()).content).gateways, [{ version: 11, entries: { a: 'after' } }]);
  });
});

void t.test('an altered journal: what comes before the damage counts, and is said', async (t) => {
  const disk = await newDisk(t);
  const { lastGood } = await disk.open();
  const one = append(lastGood, null, {}, { a: '1' });
  const two = append(lastGood, one, { a: '1' }, { a: '2' });
  append(lastGood, two, { a: '2' }, { a: '3' });
  await lastGood.close();
  const journal = await disk.newest('journal');
  await writeFile(journal, (await readFile(journal, 'utf8')).replace('"version":2', '"version":9'));
  t.match(plain((await disk.open()).content).gateways, [{ version: 1, entries: { a: '1' } }]);
  t.match(disk.errors(), [/damaged/]);
});

void t.test('nothing can be read: the node starts with nothing, loudly', async (t) => {
  const disk = await newDisk(t);
  const { lastGood } = await disk.open();
  append(lastGood, null, {}, { a: '1' });
  await lastGood.close();
  await truncate(await disk.newest('base'), 3);
  const again = await disk.open();
  t.same(plain(again.content).gateways, []);
  t.match(disk.errors(), [/damaged/, /no generation/]);
  append(again.lastGood, null, {}, { b: '1' });
  await again.lastGood.close();
  t.match(plain((await disk.open()).content).gateways, [{ entries: { b: '1' } }]);
});

void t.test('what a disk does not take is written with the next that it takes', async (t) => {
  const { folder } = await newDisk(t);
  const journal = new Journal(join(folder, 'later', 'journal'));
  journal.append('one\n');
  await t.rejects(journal.write());
  journal.append('two\n');
  await t.rejects(journal.write());
  await mkdir(join(folder, 'later'));
  await appendFile(journal.path, 'what a failed write left');
  await journal.write();
  journal.append('three\n');
  await journal.write();
  await journal.close();
  t.equal(await readFile(journal.path, 'utf8'), 'one\ntwo\nthree\n');
});

void t.test('a wrong digest is a damage', async (t) => {
  const disk = await newDisk(t);
  const { lastGood } = await disk.open();
  lastGood.appendSnapshot({ ...held(1, { a: '1' }), digest: sha256('x') }, changes({}, { a: '1' }), null);
  await lastGood.close();
  t.same(plain((await disk.open()).content).gateways, []);
  t.match(disk.errors(), [/damaged/, /no generation/]);
});

interface Disk {
  readonly folder: string;
  open(): ReturnType<typeof LastGood.open>;
  newest(part: 'base' | 'journal'): Promise<string>;
  /** Messages logged as errors since the last call. */
  errors(): readonly string[];
}

async function newDisk(t: Test): Promise<Disk> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetgate-last-good-'));
  const opened: LastGood[] = [];
  const errors: string[] = [];
  const log: Logger = createLogger({
    service: 'test',
    level: 'error',
    destination: { write: (line) => void errors.push(String(Reflect.get(Object(JSON.parse(line)), 'msg'))) },
  });
  t.teardown(async () => {
    for (const lastGood of opened) await lastGood.close().catch(() => undefined);
    await rm(folder, { recursive: true });
  });
  return {
    folder,
    async open() {
      const result = await LastGood.open({ folder, log });
      opened.push(result.lastGood);
      return result;
    },
    async newest(part) {
      const names = (await readdir(folder)).filter((name) => /^\d/.test(name) && name.endsWith(part));
      return join(folder, names.toSorted().at(-1) ?? '');
    },
    errors: () => errors.splice(0),
  };
}

function append(lastGood: LastGood, before: Held | null, from: Content, to: Content): Held {
  const next = held((before?.version ?? 0) + 1, to);
  lastGood.appendSnapshot(next, changes(from, to), before);
  return next;
}

function changes(from: Content, to: Content): EntryChanges {
  const removed = Object.keys(from).filter((key) => !(key in to));
  const upserts = Object.entries(to).map(([key, json]) => [key, { hash: sha256(json), json }] as const);
  return new Map([...removed.map((key) => [key, null] as const), ...upserts]);
}

function held(version: number, content: Content): Held {
  const digest = digestOf(Object.entries(content).map(([key, json]) => [key, sha256(json)]));
  return { gateway: 'eu/a/gw', version, digest };
}

function contentOf(of: Held, content: Content): NodeContent {
  const entries = new Map(Object.entries(content).map(([key, json]) => [key, { hash: sha256(json), json }]));
  return { gateways: [{ ...of, entries }], discovery: new Map() };
}

function plain({ gateways, discovery }: NodeContent): {
  readonly gateways: readonly (Held & { readonly entries: Content })[];
  readonly discovery: Content;
} {
  return {
    gateways: gateways.map(({ gateway, version, digest, entries }) => ({
      gateway,
      version,
      digest,
      entries: Object.fromEntries([...entries].map(([key, { json }]) => [key, json])),
    })),
    discovery: Object.fromEntries([...discovery].map(([key, { hash }]) => [key, hash])),
  };
}
