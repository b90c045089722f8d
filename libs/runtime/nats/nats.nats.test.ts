// Tests the client against a real nats-server, which is killed and wiped on the way.
import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import t from 'tap';
import { changeSubject, operatorSubject, streamName } from '#libs/events/subjects.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { testLogger, throwawayFolder, throwawayNats } from '#libs/testing/peers/throwaway.ts';
import { type EmbeddedNats, startNats } from './embedded-nats.ts';
import { type Nats, connectNats } from './nats.ts';
import type { LostReason, StreamMessage } from './pull-consumer.ts';
import { signalProcess } from '#libs/runtime/process/process-identity.ts';

const log = testLogger();
const subject = changeSubject('eu');

void t.test('messages, requests and answers are JSON', async (t) => {
  const { url } = await throwawayNats(t);
  const a = await client(t, url);
  const b = await client(t, url);

  const got = Promise.withResolvers<unknown>();
  a.subscribe('plain.*', (json, reply, from) => got.resolve([json, reply, from]));
  a.subscribe('echo', (json, reply) => reply?.({ echo: json }));
  a.subscribe('broken', () => {
    throw new Error('handler');
  });
  await a.request('echo', 0, { timeoutMs: 5000 });
  b.publish('plain.one', { text: 'ü' });
  t.same(await got.promise, [{ text: 'ü' }, undefined, 'plain.one']);
  t.same(await b.request('echo', [1], { timeoutMs: 5000 }), { echo: [1] });
  await t.rejects(b.request('nobody', 1, { timeoutMs: 5000 }), { code: 'nats-request', message: /nobody answers/ });
  await t.rejects(b.request('broken', 1, { timeoutMs: 50 }), { code: 'nats-request', message: /in time/ });
  t.same(await b.request('echo', 2, { timeoutMs: 5000 }), { echo: 2 }, 'a handler that throws harms nobody else');

  const inbox = b.newInbox();
  const answer = Promise.withResolvers<unknown>();
  const waiting = b.subscribe(inbox, (json) => answer.resolve(json));
  await b.flush();
  a.publish(inbox, 'for you');
  t.equal(await answer.promise, 'for you');
  await waiting.stop();
});

void t.test('credentials are read from the URL', async (t) => {
  const { url } = await throwawayNats(t);
  const wrong = new URL(url);
  wrong.password = 'wrong';
  const signal = AbortSignal.timeout(300);
  await t.rejects(connectNats({ url: wrong.href, name: 't', log, signal }), { code: 'nats-unreachable' });
});

void t.test('the stream keeps each id once and says what it holds', async (t) => {
  const { url } = await throwawayNats(t);
  const nats = await client(t, url);
  await t.rejects(nats.publishStream(subject, {}, { id: '1' }), { code: 'nats-publish' }, 'before there is a stream');
  const before = await nats.ensureStream();
  t.same({ ...before, created: '' }, { created: '', firstSeq: 0, lastSeq: 0 });
  t.same(await nats.publishStream(subject, { n: 1 }, { id: 'a' }), { seq: 1, duplicate: false });
  t.same(await nats.publishStream(subject, { n: 1 }, { id: 'a' }), { seq: 1, duplicate: true });
  t.same(await nats.publishStream(operatorSubject, { n: 2 }, { id: 'b' }), { seq: 2, duplicate: false });
  t.same(await nats.ensureStream(), { created: before.created, firstSeq: 1, lastSeq: 2 });
});

void t.test('batches gather while one is worked on, and are acknowledged after it', async (t) => {
  const { url } = await throwawayNats(t);
  const nats = await client(t, url);
  await nats.ensureStream();
  const batches: (readonly StreamMessage[])[] = [];
  const gate = Promise.withResolvers<void>();
  const consumer = nats.consume({
    startAfterSeq: 0,
    batchMax: 4,
    onLost: () => t.fail('lost'),
    async onBatch(messages) {
      batches.push(messages);
      if (batches.length === 1) await gate.promise;
    },
  });
  await nats.publishStream(subject, { n: 1 }, { id: '1', headers: { 'Fleetgate-Reply': 'x' } });
  await eventually(() => batches.length === 1);
  for (let n = 2; n <= 10; n++) await nats.publishStream(subject, { n }, { id: String(n) });
  t.equal(batches.length, 1, 'one batch at a time');
  t.equal(await unacknowledged(nats), 10);
  gate.resolve();
  await eventually(() => batches.flat().length === 10);
  t.same(
    batches.slice(0, 3).map((batch) => batch.map(({ seq }) => seq)),
    [[1], [2, 3, 4, 5], [6, 7, 8, 9]],
  );
  t.same(
    batches.flat().map(({ seq }) => seq),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
  );
  const first = batches[0]?.[0];
  t.match(first, { subject, redelivered: false, headers: { 'Fleetgate-Reply': 'x', 'Nats-Msg-Id': '1' } });
  t.equal(new TextDecoder().decode(first?.data), '{"n":1}');
  await eventually(async () => (await unacknowledged(nats)) === 0);
  await consumer.stop();
});

void t.test('a batch that fails is offered again, and reading starts behind the position', async (t) => {
  const { url } = await throwawayNats(t);
  const nats = await client(t, url);
  await nats.ensureStream();
  for (let n = 1; n <= 5; n++) await nats.publishStream(subject, { n }, { id: String(n) });
  const offered: { seqs: number[]; again: boolean[] }[] = [];
  const consumer = nats.consume({
    startAfterSeq: 3,
    batchMax: 100,
    onLost: () => t.fail('lost'),
    onBatch(messages) {
      offered.push({ seqs: messages.map(({ seq }) => seq), again: messages.map((one) => one.redelivered) });
      return offered.length < 3 ? Promise.reject(new Error('no')) : Promise.resolve();
    },
  });
  await eventually(() => offered.flatMap(({ seqs }) => seqs).includes(5) && offered.length >= 3);
  t.same(offered[0], { seqs: [4, 5], again: [false, false] });
  t.same(offered[2], { seqs: [4, 5], again: [true, true] });
  await consumer.stop();
});

void t.test('stop waits for the batch in hand', async (t) => {
  const { url } = await throwawayNats(t);
  const nats = await client(t, url);
  await nats.ensureStream();
  await nats.publishStream(subject, {}, { id: '1' });
  const gate = Promise.withResolvers<void>();
  let state = 'none';
  const consumer = nats.consume({
    startAfterSeq: 0,
    batchMax: 10,
    onLost: () => t.fail('lost'),
    async onBatch() {
      state = 'in hand';
      await gate.promise;
      state = 'done';
    },
  });
  await eventually(() => state === 'in hand');
  const stopped = consumer.stop().then(() => state);
  gate.resolve();
  t.equal(await stopped, 'done');
});

void t.test('who reads next takes over; the earlier reader is told once', async (t) => {
  const { url } = await throwawayNats(t);
  const [one, two] = [await client(t, url), await client(t, url)];
  await one.ensureStream();
  const lost: LostReason[] = [];
  const read: string[] = [];
  const consume = (nats: Nats, name: string) =>
    nats.consume({
      startAfterSeq: 0,
      batchMax: 10,
      onLost: (reason) => void lost.push(reason),
      onBatch: (messages) => Promise.resolve(void read.push(...messages.map(({ seq }) => `${name}${seq}`))),
    });
  consume(one, 'one');
  await one.publishStream(subject, {}, { id: '1' });
  await eventually(() => read.includes('one1'));
  consume(two, 'two');
  await eventually(() => lost.length === 1 && read.includes('two1'));
  await one.publishStream(subject, {}, { id: '2' });
  await eventually(() => read.includes('two2'));
  t.same(read, ['one1', 'two1', 'two2']);
  t.same(lost, ['consumer']);
});

void t.test(
  'kill -9 of the server: no message lost, none doubled, and the connection says what happened',
  async (t) => {
    const server = await startServer(t);
    const nats = await client(t, server.url);
    await nats.ensureStream();
    const seqs: number[] = [];
    const states: string[] = [];
    nats.onStatus((state) => states.push(state));
    nats.consume({
      startAfterSeq: 0,
      batchMax: 20,
      onLost: () => t.fail('lost'),
      onBatch: (messages) => Promise.resolve(void seqs.push(...messages.map(({ seq }) => seq))),
    });
    const count = 600;
    const killAt = new Set([100, 300, 301]);
    for (let n = 1; n <= count; n++) {
      if (killAt.has(n)) kill(server);
      // A publish that got no answer may have been stored: the same id makes the repeat harmless.
      await eventually(() => nats.publishStream(subject, { n }, { id: String(n), timeoutMs: 1000 }), {
        timeoutMs: 30_000,
      });
    }
    await eventually(() => seqs.length >= count);
    t.same(
      seqs,
      Array.from({ length: count }, (_, index) => index + 1),
    );
    t.ok(nats.connected);
    t.same(states.slice(0, 2), ['disconnected', 'connected']);
  },
);

void t.test('a wiped store is reported as a lost stream, and reading goes on with the new one', async (t) => {
  const folder = await throwawayFolder(t);
  const first = await startNats({ dataDir: folder, log });
  const nats = await client(t, first.url);
  const { created } = await nats.ensureStream();
  for (let n = 1; n <= 3; n++) await nats.publishStream(subject, { n }, { id: String(n) });
  const lost = Promise.withResolvers<LostReason>();
  let read = 0;
  nats.consume({
    startAfterSeq: 0,
    created,
    batchMax: 10,
    onLost: lost.resolve,
    onBatch: (messages) => Promise.resolve(void (read += messages.length)),
  });
  await eventually(() => read === 3);
  await first.stop();
  await rm(join(folder, 'store'), { recursive: true });
  const second = await startNats({ dataDir: folder, log });
  t.teardown(() => second.stop());
  t.equal(second.url, first.url, 'port and password stay');
  t.equal(await lost.promise, 'stream');

  const anew = await nats.ensureStream();
  t.not(anew.created, created);
  t.equal(anew.lastSeq, 0);
  await nats.publishStream(subject, { n: 1 }, { id: '1' });
  const stale = Promise.withResolvers<LostReason>();
  nats.consume({ startAfterSeq: 3, created, batchMax: 10, onLost: stale.resolve, onBatch: () => Promise.resolve() });
  t.equal(await stale.promise, 'stream', 'a position of the old stream is refused');
  const seqs: number[] = [];
  nats.consume({
    startAfterSeq: 0,
    created: anew.created,
    batchMax: 10,
    onLost: () => t.fail('lost'),
    onBatch: (messages) => Promise.resolve(void seqs.push(...messages.map(({ seq }) => seq))),
  });
  await eventually(() => seqs.length === 1);
  t.same(seqs, [1]);
});

void t.test('a stream that is deleted under the reader is reported', async (t) => {
  const { url } = await throwawayNats(t);
  const nats = await client(t, url);
  await nats.ensureStream();
  const lost = Promise.withResolvers<LostReason>();
  let read = 0;
  nats.consume({
    startAfterSeq: 0,
    batchMax: 10,
    onLost: lost.resolve,
    onBatch: (messages) => Promise.resolve(void (read += messages.length)),
  });
  await nats.publishStream(subject, {}, { id: '1' });
  await eventually(() => read === 1);
  await nats.request(`$JS.API.STREAM.DELETE.${streamName}`, undefined, { timeoutMs: 5000 });
  t.match(await lost.promise, /stream|consumer/);
});

void t.test('a folder has one owner, and a server without its owner is stopped first', async (t) => {
  const folder = await throwawayFolder(t);
  const server = await startNats({ dataDir: folder, log });
  t.teardown(() => server.stop());
  await t.rejects(startNats({ dataDir: folder, log }), {
    code: 'data-in-use',
    message: new RegExp(`process ${process.pid}`),
  });
});

async function client(t: { teardown(fn: () => unknown): void }, url: string): Promise<Nats> {
  const nats = await connectNats({ url, name: 'test', log });
  t.teardown(() => nats.close());
  return nats;
}

async function startServer(t: Parameters<typeof throwawayFolder>[0]): Promise<EmbeddedNats> {
  const server = await startNats({ dataDir: await throwawayFolder(t), log });
  t.teardown(() => server.stop());
  return server;
}

function kill(server: EmbeddedNats): void {
  if (server.pid !== undefined) signalProcess(server.pid, 'SIGKILL');
}

async function unacknowledged(nats: Nats): Promise<number> {
  const info = await nats.request(`$JS.API.CONSUMER.INFO.${streamName}.projector`, undefined, { timeoutMs: 5000 });
  const fields: Partial<Record<string, unknown>> = { ...(typeof info === 'object' ? info : {}) };
  return Number(fields['num_ack_pending']) + Number(fields['num_pending']);
}
