// Commands over a real NATS server: what is published, outcomes, waiting for nodes, and what happens when nobody
// decides.
import t from 'tap';
import type { OperatorOutcome } from '#libs/events/operator-event.ts';
import { replyHeader } from '#libs/events/subjects.ts';
import { type Nats, connectNats } from '#libs/runtime/nats/nats.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { testLogger, throwawayNats } from '#libs/testing/peers/throwaway.ts';
import { base, call } from '../testing/api-client.ts';
import { type Fixture, TestNode, startFixture, startReplica } from '../testing/control-fixture.ts';
import { firstEntries, ruleEntry } from '../testing/some-entries.ts';

const gateway = 'eu/infra/web';
const at = `${base}/gateways/eu/infra/web`;
const rule = 'rule/HTTPRoute/shop/web/0';

interface Published {
  readonly id: string;
  readonly type: string;
  readonly gateway: string;
  readonly to?: number | null;
  readonly reason?: string;
  readonly actor: { readonly name: string; readonly role: string };
}

/** Reads the log as the projector does; `decide` writes and answers. */
async function startDecider(
  nats: Nats,
  decide: (command: Published) => Promise<OperatorOutcome | null>,
): Promise<{ readonly commands: Published[] }> {
  const { lastSeq } = await nats.ensureStream();
  const commands: Published[] = [];
  nats.consume({
    startAfterSeq: lastSeq,
    batchMax: 10,
    onLost: () => undefined,
    async onBatch(messages) {
      for (const { data, headers } of messages) {
        const command: Published = JSON.parse(Buffer.from(data).toString('utf8'));
        commands.push(command);
        const outcome = await decide(command);
        if (outcome !== null) nats.publish(headers[replyHeader] ?? '', outcome);
      }
    },
  });
  return { commands };
}

async function start(t: {
  teardown(fn: () => unknown): void;
}): Promise<{ fixture: Fixture; nats: Nats; natsUrl: string }> {
  const { url: natsUrl } = await throwawayNats(t);
  const nats = await connectNats({ url: natsUrl, name: 'test', log: testLogger() });
  await nats.ensureStream();
  t.teardown(() => nats.close());
  const fixture = await startFixture(t, natsUrl);
  await fixture.writer.commit({ gateways: [{ gateway, entries: firstEntries }] });
  await fixture.writer.commit({ gateways: [{ gateway, entries: { [rule]: ruleEntry('web', '/2', 'b') } }] });
  // Control connects on its own time.
  await eventually(
    async () => (await call(fixture, 'POST', `${base}/gateways/eu/infra/none/release`, 'operator', {})).status === 404,
  );
  return { fixture, nats, natsUrl };
}

void t.test('rollback: published, decided, applied by every node', async (t) => {
  const { fixture, nats, natsUrl } = await start(t);
  const { writer, tokens } = fixture;
  const decider = await startDecider(nats, async ({ id }) => {
    await writer.commit({
      gateways: [{ gateway, entries: { [rule]: firstEntries[rule] }, cause: 'rollback', pinned: true }],
    });
    return { id, ok: true, gateway, version: writer.versionOf(gateway).head, seq: '7' };
  });
  const second = await startReplica(t, fixture.databaseUrl, natsUrl);
  const [near, far, other] = [new TestNode('near'), new TestNode('far'), new TestNode('other', ['us/*/*'])];
  await near.connect(fixture.control.port, tokens.node);
  await far.connect(second.port, tokens.node);
  await other.connect(second.port, tokens.node);
  await Promise.all([near.serves(gateway, 2), far.serves(gateway, 2)]);
  await eventually(
    async () => (await call(fixture, 'GET', `${base}/nodes?status=connected`)).body['items'].length === 3,
  );

  const done = await call(fixture, 'POST', `${at}/rollback`, 'operator', { to: 1, reason: 'errors', wait: 10_000 });
  t.match(done, { status: 200, body: { gateway, version: 3, seq: '7', complete: true } });
  const gone = 'rule 0 of HTTPRoute shop/web: Service shop/web port 80 does not exist: answered 503';
  t.same(done.body['unready'], [gone], 'what is answered 503 is named');
  const nodes: { node: string; state: string; ms: number }[] = done.body['nodes'];
  t.same(
    nodes.map(({ node, state }) => [node, state]),
    [
      ['far', 'applied'],
      ['near', 'applied'],
    ],
    'on both replicas; others are not asked',
  );
  t.equal(done.body['ms'], Math.max(...nodes.map(({ ms }) => ms)), 'until the last one');
  t.ok(done.body['decidedMs'] > 0);
  t.match(decider.commands, [
    {
      v: 2,
      type: 'rollback',
      gateway,
      to: 1,
      digest: /\w/,
      reason: 'errors',
      actor: { name: 'test operator', role: 'operator' },
    },
  ]);
  t.equal(decider.commands[0]?.id, done.body['id']);

  far.mood = 'reject';
  near.mood = 'hold';
  const partly = await call(fixture, 'POST', `${at}/release`, 'admin', { wait: 500 });
  t.match(partly.body, {
    version: 4,
    complete: false,
    ms: null,
    nodes: [
      { node: 'far', state: 'rejected', reasons: ['mood'] },
      { node: 'near', state: 'waiting', ms: null },
    ],
  });
  t.match(decider.commands[1], { type: 'release', actor: { role: 'admin' } });
  t.notOk('to' in (decider.commands[1] ?? {}));
  const quick = await call(fixture, 'POST', `${at}/accept`, 'operator', {});
  t.match(quick.body, { version: 5, complete: false, nodes: [] }, 'not waited for');
  await Promise.all([near.disconnect(), far.disconnect(), other.disconnect()]);
});

void t.test(
  'a silent node counts, and is unknown; one that says goodbye while it is waited for does not',
  async (t) => {
    const { fixture, nats } = await start(t);
    const { writer, tokens, control } = fixture;
    await startDecider(nats, async ({ id }) => {
      await writer.commit({ gateways: [{ gateway, entries: { [rule]: firstEntries[rule] }, cause: 'rollback' }] });
      return { id, ok: true, gateway, version: writer.versionOf(gateway).head, seq: '7' };
    });
    const [a, b, c] = [new TestNode('node-a'), new TestNode('node-b'), new TestNode('node-c')];
    for (const node of [a, b, c]) await node.connect(control.port, tokens.node);
    for (const node of [a, b, c]) await node.serves(gateway, 2);
    const unknown = async (): Promise<number> =>
      (await call(fixture, 'GET', `${base}/nodes?status=unknown`)).body['items'].length;
    await b.disconnect();
    await eventually(async () => (await unknown()) === 1);

    c.mood = 'hold';
    const startedAt = performance.now();
    const asked = call(fixture, 'POST', `${at}/rollback`, 'operator', { to: 1, wait: 60_000 });
    await eventually(() => c.snapshots.at(-1)?.version === 3);
    c.send({ type: 'goodbye' });
    const { body } = await asked;
    t.ok(performance.now() - startedAt < 30_000, 'nothing is waited for in vain');
    t.match(body, {
      complete: false,
      ms: null,
      nodes: [
        { node: 'node-a', state: 'applied', unknownSince: null },
        { node: 'node-b', state: 'unknown', unknownSince: String, ms: null, tookMs: null },
      ],
    });
    t.equal(body['nodes'].length, 2, 'node-c left');
    t.match((await call(fixture, 'GET', at)).body['nodes'], { connected: 1, applied: 1, unknown: 1 });
    await Promise.all([a.disconnect(), c.disconnect()]);
  },
);

void t.test('refused: by look-up, and by the projector', async (t) => {
  const { fixture, nats } = await start(t);
  const codes = [
    'unknown-gateway',
    'unknown-version',
    'no-earlier-version',
    'not-pinned',
    'nothing-held',
    'changed',
    'pinned',
    'expired',
    'something-new',
  ];
  const decider = await startDecider(nats, async ({ id }) => ({
    id,
    ok: false,
    code: codes.shift() ?? '',
    message: 'because',
  }));
  const post = async (path: string, body: unknown) => call(fixture, 'POST', path, 'operator', body);
  t.match(await post(`${base}/gateways/eu/infra/none/rollback`, {}), {
    status: 404,
    body: { error: { code: 'not-found' } },
  });
  t.equal(decider.commands.length, 0, 'nothing was published');
  const answers = [];
  for (let i = 0; i < 9; i++) answers.push(await post(`${at}/rollback`, {}));
  t.same(
    answers.map(({ status }) => status),
    [404, 404, 409, 409, 409, 409, 409, 409, 422],
  );
  t.match(answers[0]?.body, { error: { message: 'because' } });
  t.match(decider.commands[0], { to: 1, digest: /\w/ }, 'the version before is named, and its content');
  t.match(decider.commands[0], { actor: { name: 'test operator' }, from: '127.0.0.1' }, 'who, and from where');
  await post(`${at}/rollback`, { to: 99, expect: 2, force: true });
  t.match(decider.commands.at(-1), { to: 99, expect: 2, force: true }, 'what there is not is for the projector to say');
  t.notOk('digest' in (decider.commands.at(-1) ?? {}));
});

void t.test('nobody decides: 202 in the time that was given, and the operation tells later', async (t) => {
  const { fixture, nats } = await start(t);
  const { writer } = fixture;
  const begun = Date.now();
  const preview = async (query: string) => call(fixture, 'GET', `${at}/rollback${query}`, 'viewer');
  t.match(await preview(''), { status: 200, body: { serving: 2, pinned: false, to: 1, digest: /\w/, refused: null } });
  t.match((await preview('?to=2')).body, { to: 2, refused: null, unready: [] });
  t.match((await preview('?to=1')).body['unready'], [/^rule 0 of HTTPRoute shop\/web: Service shop\/web port 80/]);
  t.equal((await preview('?to=99')).status, 404);
  const pending = await call(fixture, 'POST', `${at}/rollback`, 'operator', { to: 1, timeout: 400, wait: 30_000 });
  t.match(pending, { status: 202, body: { message: /not decided within 400 ms/ } });
  const tookMs = Date.now() - begun;
  t.ok(tookMs >= 400 && tookMs < 3000, `${tookMs} ms`);
  const expiresAt = Date.parse(pending.body['expiresAt']);
  t.ok(expiresAt >= begun && expiresAt <= begun + tookMs, 'it has expired when the answer comes');
  const { id } = pending.body;
  t.match((await call(fixture, 'GET', `${base}/operations/${id}`)).body, { state: 'unknown' });
  await writer.commit({
    events: [
      {
        id,
        type: 'rollback',
        cluster: 'eu',
        kind: 'Gateway',
        namespace: 'infra',
        name: 'web',
        manager: 'test operator',
        operation: 'operator',
        data: { id, type: 'rollback', gateway, to: 1 },
      },
    ],
    gateways: [{ gateway, entries: { [rule]: firstEntries[rule] }, cause: 'rollback' }],
  });
  t.match((await call(fixture, 'GET', `${base}/operations/${id}`)).body, { state: 'recorded', version: 3 });
  t.ok(nats.connected);
  const row = { type: 'rollback', cluster: 'eu', kind: 'Gateway', namespace: 'infra', name: 'web' };
  const outcome = { result: 'expired', code: 'expired', message: 'too late' };
  await writer.commit({ events: [{ ...row, id: 'late', manager: 'ann', operation: 'operator', data: { outcome } }] });
  t.match((await call(fixture, 'GET', `${base}/operations/late`)).body, {
    ...outcome,
    result: undefined,
    state: 'expired',
  });
  const [event] = (await call(fixture, 'GET', `${base}/events?limit=1`)).body['items'];
  t.match(event, { id: 'late', outcome: { result: 'expired', message: 'too late' } });
});
