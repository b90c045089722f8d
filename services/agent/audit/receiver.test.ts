// The receiver takes events from who is known and refuses everybody else; the reader follows a file through rotation.
import { appendFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { createLogger } from '#libs/runtime/log.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { keyPair } from '../testing/key-pair.ts';
import { followAuditFile } from './audit-file.ts';
import { parseReview } from './parse-review.ts';
import { type ReceiverOptions, startReceiver } from './receiver.ts';

const folder = mkdtempSync(join(tmpdir(), 'fg-audit-'));
t.teardown(() => rmSync(folder, { recursive: true }));
const pair = keyPair('localhost');
const [certificateFile, keyFile] = [join(folder, 'tls.crt'), join(folder, 'tls.key')];
writeFileSync(certificateFile, pair.certificate);
writeFileSync(keyFile, pair.key);
const recorded = readFileSync(new URL('testdata/recorded-audit.jsonl', import.meta.url), 'utf8');
const events: readonly unknown[] = recorded
  .trim()
  .split('\n')
  .map((line): unknown => JSON.parse(line));

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function start(more: Partial<ReceiverOptions> = {}): Promise<{
  readonly port: number;
  readonly taken: unknown[];
  readonly reviews: unknown[];
  readonly refused: string[];
}> {
  const [taken, reviews, refused]: [unknown[], unknown[], string[]] = [[], [], []];
  const receiver = await startReceiver({
    ...{ host: '127.0.0.1', port: 0, certificateFile, keyFile, token: 'the-token', clientCa: undefined },
    log: createLogger({ service: 'test', level: 'silent' }),
    onEvents: (given) => taken.push(...given),
    onReview: (review) => reviews.push(review),
    onRefused: (from) => refused.push(from),
    onProblem: () => undefined,
    ...more,
  });
  t.teardown(() => receiver.stop());
  return { port: receiver.port, taken, reviews, refused };
}

function post(
  port: number,
  path: string,
  body: string | Buffer,
  { token, tls = {}, headers = {} }: { token?: string; tls?: object; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const sent = request(
      {
        agent: false,
        host: '127.0.0.1',
        port,
        path,
        method: 'POST',
        ca: pair.certificate,
        servername: 'localhost',
        ...tls,
        headers: { ...authorization, ...headers },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

void t.test('an EventList, one event and JSON Lines are taken from who has the token', async (t) => {
  const { port, taken, refused } = await start();
  const list = JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', items: events });
  t.equal((await post(port, '/audit', list, { token: 'the-token' })).status, 200);
  t.strictSame(taken, events);
  t.equal((await post(port, '/audit', recorded, { token: 'the-token' })).status, 200);
  t.equal((await post(port, '/audit?timeout=30s', JSON.stringify(events[0]), { token: 'the-token' })).status, 200);
  t.equal(taken.length, 2 * events.length + 1);
  const zipped = { token: 'the-token', headers: { 'content-encoding': 'gzip' } };
  t.equal((await post(port, '/audit', gzipSync(list), zipped)).status, 200);
  t.equal(taken.length, 3 * events.length + 1);
  t.equal((await post(port, '/audit', 'nonsense', { token: 'the-token' })).status, 400);
  t.equal((await post(port, '/other', list, { token: 'the-token' })).status, 404);
  t.same(refused, []);
});

void t.test('whoever is not known is refused and counted, and nothing of theirs is taken', async (t) => {
  const { port, taken, reviews, refused } = await start();
  const list = JSON.stringify({ kind: 'EventList', items: events });
  t.equal((await post(port, '/audit', list)).status, 401);
  t.equal((await post(port, '/audit', list, { token: 'another' })).status, 401);
  t.equal((await post(port, '/audit/the-token', list)).status, 401, 'the path is no way to send audit events');
  t.equal((await post(port, '/admission', list)).status, 401);
  t.equal((await post(port, '/admission/another', list)).status, 401);
  t.equal(refused.length, 5);
  t.same([taken.length, reviews.length], [0, 0]);
});

void t.test('an API server can be known by its certificate', async (t) => {
  const known = keyPair('apiserver');
  const { port, taken } = await start({ token: undefined, clientCa: known.certificate });
  const list = JSON.stringify({ kind: 'EventList', items: events });
  const tls = { cert: known.certificate, key: known.key };
  t.equal((await post(port, '/audit', list, { tls })).status, 200);
  const stranger = keyPair('apiserver');
  const other = { cert: stranger.certificate, key: stranger.key };
  t.equal((await post(port, '/audit', list, { tls: other })).status, 401);
  t.equal((await post(port, '/audit', list)).status, 401);
  t.equal(taken.length, events.length);
});

void t.test('a review is allowed whatever it says, and read for who asks', async (t) => {
  const { port, reviews } = await start();
  const object = { metadata: { name: 'a', uid: 'u1', resourceVersion: '7', labels: { x: '1' } }, spec: {} };
  const review = {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid: 'r1',
      operation: 'UPDATE',
      resource: { group: 'gateway.networking.k8s.io', version: 'v1', resource: 'httproutes' },
      userInfo: { username: 'alice', groups: ['dev'] },
      object: { ...object, spec: { hostnames: ['a.example.com'] } },
      oldObject: object,
      options: { fieldManager: 'kubectl-edit' },
      dryRun: false,
    },
  };
  const answer = await post(port, '/admission/the-token?timeout=1s', JSON.stringify(review));
  t.match(JSON.parse(answer.body), { response: { uid: 'r1', allowed: true } });
  t.strictSame(reviews, [review]);
  const read = (edit: object) => parseReview({ request: { ...review.request, ...edit } }, 0, () => true);
  t.match(read({}), {
    ok: true,
    claims: [{ uid: 'u1', met: '7', request: { user: { username: 'alice' }, fieldManager: 'kubectl-edit' } }],
  });
  t.strictSame(read({ dryRun: true }), { ok: false, why: 'dry-run' });
  t.strictSame(read({ object }), { ok: false, why: 'other' }, 'it would change nothing');
  t.strictSame(read({ userInfo: {} }), { ok: false, why: 'malformed' });
});

void t.test('a new certificate is used without a restart; one that ends, or cannot be read, is named', async (t) => {
  await t.rejects(start({ keyFile: join(folder, 'none') }), { code: 'file' });
  const [next, said]: [ReturnType<typeof keyPair>, (string | null)[]] = [keyPair('localhost'), []];
  const files = { certificateFile: join(folder, 'next.crt'), keyFile: join(folder, 'next.key') };
  writeFileSync(files.certificateFile, pair.certificate);
  writeFileSync(files.keyFile, pair.key);
  const { port } = await start({ ...files, reloadMs: 10, onProblem: (sentence) => said.push(sentence) });
  t.match(said.at(-1), /ends at .* renews it/, 'in two days, as those of tests do');
  const known = { token: 'the-token' };
  t.equal((await post(port, '/audit', recorded, known)).status, 200);
  writeFileSync(files.keyFile, next.key);
  writeFileSync(files.certificateFile, next.certificate);
  const tls = { ca: next.certificate };
  await eventually(() => post(port, '/audit', recorded, { ...known, tls }).then(({ status }) => status === 200));
  await t.rejects(post(port, '/audit', recorded, known), 'the old one is not shown any more');
  rmSync(files.certificateFile);
  await eventually(() => said.at(-1)?.includes('cannot be read') ?? false);
});

void t.test('a file is followed through rotation, and from where it was left', async (t) => {
  const path = join(folder, 'audit.log');
  const placeFile = join(folder, 'place.json');
  const taken: unknown[] = [];
  let malformed = 0;
  const options = {
    ...{ path, placeFile, pollMs: 5 },
    onEvents: (given: readonly unknown[]) => void taken.push(...given),
    onMalformed: () => void malformed++,
    onProblem: () => undefined,
  };
  writeFileSync(path, line(0));
  const stop = followAuditFile(options);
  await eventually(() => readText(placeFile).includes('offset'));
  appendFileSync(path, line(1));
  await eventually(() => taken.length === 1, { timeoutMs: 5000 });
  appendFileSync(path, `${line(2)}{"id":`);
  await eventually(() => taken.length === 2, { timeoutMs: 5000 });
  appendFileSync(path, `3}\nnonsense\n`);
  await eventually(() => taken.length === 3 && malformed === 1, { timeoutMs: 5000 });
  await stop();
  appendFileSync(path, line(4));
  renameSync(path, join(folder, 'audit-2026-11-28T21-00-00.000.log'));
  writeFileSync(path, line(5));
  const again = followAuditFile(options);
  await eventually(() => taken.length === 5, { timeoutMs: 5000 });
  writeFileSync(path, '');
  await new Promise((resolve) => setTimeout(resolve, 50));
  appendFileSync(path, line(6));
  await eventually(() => taken.length === 6, { timeoutMs: 5000 });
  await again();
  t.strictSame(
    taken,
    [1, 2, 3, 4, 5, 6].map((id) => ({ id })),
  );
});

function line(id: number): string {
  return `${JSON.stringify({ id })}\n`;
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
