// The hub with a real Postgres and real WebSocket clients that check every digest.
import { connect } from 'node:net';
import t from 'tap';
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';
import { WebSocket } from 'ws';
import { eventually } from '#libs/testing/eventually.ts';
import { type Fixture, TestNode, startFixture, startReplica } from '../testing/control-fixture.ts';
import { backendEntry, certificate, endpointsAt, firstEntries, ruleEntry } from '../testing/some-entries.ts';

const gateway = 'eu/infra/web';
const endpointsKey = 'endpoints/eu/shop/web/80';
const tlsKey = 'tls/eu/infra/cert';

async function firstCommit({ writer }: Fixture): Promise<void> {
  await writer.commit({
    gateways: [{ gateway, entries: firstEntries }],
    discovery: { [endpointsKey]: endpointsAt('10.0.0.1'), [tlsKey]: certificate },
  });
}

interface StoredNode {
  readonly connected: boolean;
  readonly replica: string;
  readonly envoy: string;
  readonly version: number | null;
  readonly rejected_version: number | null;
  readonly rejected_reasons: readonly string[] | null;
  readonly took_ms: number;
}

async function stored({ writer }: Fixture, node: string): Promise<StoredNode | undefined> {
  const { rows } = await writer.pool.query<StoredNode>(
    `select n.connected, n.replica, n.envoy, g.version, g.rejected_version, g.rejected_reasons, g.took_ms
       from nodes n left join node_gateways g on g.node = n.node and g.gateway = $2 where n.node = $1`,
    [node, gateway],
  );
  return rows[0];
}

void t.test('the first snapshot, deltas, discovery, reports', async (t) => {
  const fixture = await startFixture(t);
  const { writer, control, tokens } = fixture;
  const node = new TestNode('n1');
  await node.connect(control.port, tokens.node);
  await eventually(async () => (await stored(fixture, 'n1'))?.connected);

  await firstCommit(fixture);
  await node.serves(gateway, 1);
  t.same(
    node.messages.map(({ type }) => type),
    ['discovery', 'snapshot'],
    'what it needs comes first',
  );
  t.equal(node.snapshots[0]?.base, null, 'full');
  t.same(node.entries(gateway), writer.entriesOf(gateway));
  t.same(Object.keys(node.discovery).toSorted(), [endpointsKey, tlsKey]);

  await writer.commit({
    gateways: [{ gateway, entries: { 'rule/HTTPRoute/shop/web/0': ruleEntry('web', '/new', 'b') } }],
  });
  await node.serves(gateway, 2);
  const delta = node.snapshots.at(-1);
  t.equal(delta?.base?.version, 1, 'a delta');
  t.equal(delta?.upserts.length, 1, 'with what changed');
  t.same(node.entries(gateway), writer.entriesOf(gateway));

  const before = node.messages.length;
  await writer.commit({
    discovery: { [endpointsKey]: endpointsAt('10.0.0.2'), 'endpoints/eu/other/x/80': endpointsAt('10.0.0.3') },
  });
  await eventually(() => node.messages.length > before);
  const [discovery] = node.messages.slice(before);
  t.match(discovery, { type: 'discovery', upserts: [{ key: endpointsKey }] }, 'only what it needs');

  const gone = { 'rule/HTTPRoute/shop/web/0': null, 'backend/eu/shop/web/80': null };
  await writer.commit({ gateways: [{ gateway, entries: gone }], discovery: { [endpointsKey]: null } });
  await node.serves(gateway, 3);
  await eventually(() => !(endpointsKey in node.discovery));
  t.same(Object.keys(node.discovery), [tlsKey], 'what nothing needs any more is taken away');

  node.mood = 'reject';
  await writer.commit({ gateways: [{ gateway, entries: { 'backend/eu/shop/web/80': backendEntry('web') } }] });
  const report = await eventually(async () => {
    const row = await stored(fixture, 'n1');
    return row?.rejected_version === 4 && row;
  });
  t.match(report, { version: 3, rejected_reasons: ['mood'] }, 'rejected, and what serves instead');
  node.mood = 'apply';
  await writer.commit({ gateways: [{ gateway, entries: { 'backend/eu/shop/web/80': null } }] });
  await node.serves(gateway, 5);
  t.equal(node.snapshots.at(-1)?.base?.version, 3, 'from what it serves');
  await eventually(async () => {
    const row = await stored(fixture, 'n1');
    return row?.version === 5 && row.rejected_version === null;
  });
  t.pass('applied clears the rejection');

  node.send(node.session.ping('live'));
  await eventually(() => node.messages.at(-1)?.type === 'pong');
  await eventually(async () => (await stored(fixture, 'n1'))?.envoy === 'live');
  await node.disconnect();
  await eventually(async () => (await stored(fixture, 'n1'))?.connected === false);
});

void t.test('resume: nothing, a delta from an old version, the whole', async (t) => {
  const fixture = await startFixture(t);
  const { writer, control, tokens } = fixture;
  await firstCommit(fixture);
  const node = new TestNode('n1');
  await node.connect(control.port, tokens.node);
  await node.serves(gateway, 1);
  await node.disconnect();

  node.messages.length = 0;
  await node.connect(control.port, tokens.node);
  node.send(node.session.ping('live'));
  await eventually(() => node.messages.length > 0);
  t.same(node.messages, [{ type: 'pong' }], 'current: nothing');
  await node.disconnect();

  for (let i = 0; i < 5; i++) {
    await writer.commit({
      gateways: [{ gateway, entries: { [`rule/HTTPRoute/shop/r${i}/0`]: ruleEntry(`r${i}`, `/${i}`, 'b') } }],
    });
  }
  // A replica that has just started knows no versions but the newest.
  const fresh = await startReplica(t, fixture.databaseUrl);
  await node.connect(fresh.port, tokens.node);
  await node.serves(gateway, 6);
  t.match(node.snapshots.at(-1), { base: { version: 1 }, removes: [] });
  t.equal(node.snapshots.at(-1)?.upserts.length, 5, 'a delta over five versions');
  t.same(node.entries(gateway), writer.entriesOf(gateway));

  node.send({ type: 'resend', gateway });
  await eventually(() => node.snapshots.at(-1)?.base === null);
  t.equal(node.snapshots.at(-1)?.upserts.length, writer.entriesOf(gateway).size, 'asked for: the whole');
  await node.disconnect();

  const other = new TestNode('n2');
  other.session.receive(
    { type: 'snapshot', gateway, version: 1, digest: 'f'.repeat(64), base: null, upserts: [], removes: [] },
    0,
  );
  await other.connect(fresh.port, tokens.node);
  await other.serves(gateway, 6);
  t.equal(other.snapshots[0]?.base, null, 'another content under a known version: the whole');
  await other.disconnect();
});

void t.test('rollback and candidates: only what serves is sent', async (t) => {
  const fixture = await startFixture(t);
  const { writer, control, tokens } = fixture;
  await firstCommit(fixture);
  const node = new TestNode('n1', ['eu/*/*']);
  await node.connect(control.port, tokens.node);
  await node.serves(gateway, 1);
  const rule = 'rule/HTTPRoute/shop/web/0';
  await writer.commit({ gateways: [{ gateway, entries: { [rule]: ruleEntry('web', '/2', 'b') } }] });
  await node.serves(gateway, 2);
  await writer.commit({
    gateways: [{ gateway, entries: { [rule]: firstEntries[rule] }, cause: 'rollback', ofVersion: 1, pinned: true }],
  });
  await node.serves(gateway, 3);
  await writer.commit({
    gateways: [{ gateway, entries: { [rule]: ruleEntry('web', '/4', 'b') }, serve: false, pinned: true }],
  });
  await writer.commit({
    gateways: [{ gateway, entries: { [rule]: ruleEntry('web', '/5', 'b') }, serve: false, pinned: true }],
  });
  await writer.commit({ gateways: [{ gateway: 'us/infra/web', entries: firstEntries }] });
  await writer.commit({ gateways: [{ gateway, entries: { [rule]: ruleEntry('web', '/6', 'b') }, cause: 'release' }] });
  await node.serves(gateway, 6);
  t.same(
    node.snapshots.map(({ version }) => version),
    [1, 2, 3, 6],
  );
  t.same(node.entries(gateway), writer.entriesOf(gateway));
  await node.disconnect();
});

void t.test(
  'one snapshot in flight, then the newest; a paused client gets the newest when it reads again',
  async (t) => {
    const fixture = await startFixture(t);
    const { writer, control, tokens } = fixture;
    await firstCommit(fixture);
    const node = new TestNode('n1');
    node.mood = 'hold';
    await node.connect(control.port, tokens.node);
    await eventually(() => node.snapshots.length === 1);
    for (let i = 2; i <= 20; i++) {
      await writer.commit({
        gateways: [{ gateway, entries: { 'rule/HTTPRoute/shop/web/0': ruleEntry('web', `/${i}`, 'b') } }],
      });
    }
    const witness = new TestNode('n2');
    await witness.connect(control.port, tokens.node);
    await witness.serves(gateway, 20);
    t.equal(node.snapshots.length, 1, 'one in flight');
    node.mood = 'apply';
    node.finish('apply');
    await node.serves(gateway, 20);
    t.same(
      node.snapshots.map(({ version }) => version),
      [1, 20],
    );

    // Discovery is not answered: only the socket holds it back. Far more than the buffers of both kernels hold.
    node.socket?.pause();
    const received = node.messages.length;
    for (let round = 1; round <= 100; round++) {
      await writer.commit({ discovery: { [endpointsKey]: manyEndpoints(round) } });
      await eventually(() => witness.discovery[endpointsKey] !== undefined && witness.messages.length > round);
    }
    await writer.commit({
      gateways: [{ gateway, entries: { 'rule/HTTPRoute/shop/web/0': ruleEntry('web', '/21', 'b') } }],
    });
    await witness.serves(gateway, 21);
    node.socket?.resume();
    await node.serves(gateway, 21);
    await eventually(() => node.discovery[endpointsKey] === witness.discovery[endpointsKey]);
    t.ok(node.messages.length - received < 90, `${node.messages.length - received} messages instead of 101`);
    t.same(node.entries(gateway), writer.entriesOf(gateway));
    await Promise.all([node.disconnect(), witness.disconnect()]);
  },
);

void t.test('two replicas: both serve, a node moves, a dead replica leaves unknown nodes', async (t) => {
  const fixture = await startFixture(t);
  const { writer, control, tokens } = fixture;
  const second = await startReplica(t, fixture.databaseUrl);
  await firstCommit(fixture);
  const [a, b] = [new TestNode('a'), new TestNode('b')];
  await a.connect(control.port, tokens.node);
  await b.connect(second.port, tokens.node);
  await writer.commit({
    gateways: [{ gateway, entries: { 'rule/HTTPRoute/shop/web/0': ruleEntry('web', '/2', 'b') } }],
  });
  await Promise.all([a.serves(gateway, 2), b.serves(gateway, 2)]);
  const first = await eventually(async () => (await stored(fixture, 'a'))?.replica);

  // The same node again at the other replica: the newer connection owns its rows.
  const moved = new TestNode('a');
  await moved.connect(second.port, tokens.node);
  await moved.serves(gateway, 2);
  await eventually(async () => (await stored(fixture, 'a'))?.replica !== first);
  await a.disconnect();
  await writer.commit({
    gateways: [{ gateway, entries: { 'rule/HTTPRoute/shop/web/0': ruleEntry('web', '/3', 'b') } }],
  });
  await moved.serves(gateway, 3);
  t.ok((await stored(fixture, 'a'))?.connected, 'the old connection had no say');

  // The same node again at the same replica: the first connection ends.
  const again = new TestNode('a');
  await again.connect(second.port, tokens.node);
  await eventually(() => moved.closed?.code === 4409);
  await again.serves(gateway, 3);

  await writer.pool.query(
    `update nodes set replica = 'gone', last_seen = now() - interval '1 minute' where node = 'b'`,
  );
  await b.disconnect();
  await writer.pool.query(
    `insert into nodes values
       ('c', '1', '{}', '["*/*/*"]', '[]', 'dead', true, 'live', now(), now() - interval '1 minute')`,
  );
  again.send(again.session.ping('live'));
  await eventually(async () => (await stored(fixture, 'c'))?.connected === false);
  t.equal((await stored(fixture, 'b'))?.connected, false, 'silent is not connected');

  await second.stop();
  await eventually(() => again.closed?.code === 1001);
  t.pass('1001 when the replica stops');
});

void t.test('Postgres: connections that die, notices that are lost', async (t) => {
  const fixture = await startFixture(t);
  const { writer, control, tokens } = fixture;
  await firstCommit(fixture);
  const node = new TestNode('n1');
  await node.connect(control.port, tokens.node);
  await node.serves(gateway, 1);
  await writer.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'fleetgate%'`,
  );
  await writer.commit({
    gateways: [{ gateway, entries: { 'rule/HTTPRoute/shop/web/0': ruleEntry('web', '/2', 'b') } }],
  });
  await node.serves(gateway, 2);
  t.same(node.entries(gateway), writer.entriesOf(gateway));
  await eventually(async () => (await stored(fixture, 'n1'))?.version === 2);
  await node.disconnect();
});

void t.test('hostile: tokens, paths, frames, messages', async (t) => {
  const fixture = await startFixture(t);
  const { control, tokens } = fixture;
  await firstCommit(fixture);
  const statusOf = (path: string, headers: Record<string, string>): Promise<number> =>
    new Promise((resolve) => {
      const socket = new WebSocket(`ws://127.0.0.1:${control.port}${path}`, { headers });
      socket.on('unexpected-response', (_request, response) => {
        resolve(response.statusCode ?? 0);
        socket.terminate();
      });
      socket.on('open', () => {
        resolve(101);
        socket.terminate();
      });
      socket.on('error', () => undefined);
    });
  t.equal(await statusOf('/v1/node', {}), 401, 'no token');
  t.equal(await statusOf('/v1/node', { authorization: 'Bearer nonsense' }), 401);
  t.equal(await statusOf('/v1/node', { authorization: `Bearer ${tokens.viewer}` }), 403, 'another role');
  t.equal(await statusOf('/v1/node', { authorization: `Bearer ${tokens.operator}` }), 403);
  t.equal(await statusOf('/v1/node', { authorization: `Bearer ${tokens.admin}` }), 101);
  for (const path of ['/', '/v1/nodes', '/v1/node/..', '/v1/%6eode', '//v1/node', '/api/v1/nodes']) {
    t.equal(await statusOf(path, { authorization: `Bearer ${tokens.node}` }), 404, path);
  }

  const sent = async (messages: readonly (string | Buffer)[]): Promise<number> => {
    const socket = new WebSocket(`ws://127.0.0.1:${control.port}/v1/node`, {
      headers: { authorization: `Bearer ${tokens.node}` },
    });
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('open', resolve));
    const closed = new Promise<number>((resolve) => socket.once('close', (code) => resolve(code)));
    for (const message of messages) socket.send(message);
    return closed;
  };
  const hello = JSON.stringify(new TestNode('h').session.hello());
  t.equal(await sent(['{']), 4400, 'malformed JSON');
  t.equal(await sent(['{"type":"ping","held":[],"envoy":"live"}']), 4400, 'not hello first');
  t.equal(await sent([hello.replace('"protocol":1', '"protocol":2')]), 4406, 'another protocol');
  t.equal(await sent([hello.replace('"node":"h"', String.raw`"node":"../../\u0000"`)]), 4400, 'a name that is none');
  t.equal(await sent([hello, hello]), 4400, 'hello twice');
  t.equal(await sent([Buffer.from(hello)]), 4400, 'binary');
  t.equal(await sent([hello, `"${'x'.repeat(9 * 1024 * 1024)}"`]), 1009, 'a huge frame');
  t.equal(
    await sent([hello, ...Array.from({ length: 8000 }, () => '{"type":"resend","gateway":"a/b/c"}')]),
    1008,
    'a flood',
  );
  const proto = hello.replace('"labels":{"zone":"a"}', '"labels":{"__proto__":"x"},"discovery":{"__proto__":"y"}');
  const odd = new WebSocket(`ws://127.0.0.1:${control.port}/v1/node`, {
    headers: { authorization: `Bearer ${tokens.node}` },
  });
  await new Promise((resolve) => odd.once('open', resolve));
  odd.send(proto);
  await new Promise((resolve) => odd.once('message', resolve));
  odd.terminate();

  const raw = connect(control.port, '127.0.0.1');
  raw.on('error', () => undefined).resume();
  raw.write('GET /v1/node HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n\0\0garbage');
  await new Promise((resolve) => raw.once('close', resolve));

  const node = new TestNode('n1');
  await node.connect(control.port, tokens.node);
  await node.serves(gateway, 1);
  t.pass('others are served as before');
  await node.disconnect();
});

void t.test('a revoked token ends its connections', async (t) => {
  const fixture = await startFixture(t);
  const { writer, control, tokens } = fixture;
  const node = new TestNode('n1');
  await node.connect(control.port, tokens.node);
  await writer.pool.query(`update tokens set revoked_at = now() where role = 'node'`);
  await writer.pool.query(`select pg_notify('fleetgate_tokens', (select id from tokens where role = 'node'))`);
  await eventually(() => node.closed?.code === 4401);
  await t.rejects(node.connect(control.port, tokens.node), /401/);
});

function manyEndpoints(round: number): DiscoveryItem {
  const endpoints = Array.from({ length: 5000 }, (_, i) => ({
    address: `10.${round}.${Math.floor(i / 250)}.${i % 250}`,
    port: 8080,
  }));
  return { kind: 'endpoints', endpoints };
}
