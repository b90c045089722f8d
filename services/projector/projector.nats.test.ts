// Tests the projector with a real stream and a real database: what it says to agents, and every fault that it must
// survive.
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import type { DesiredStatus, StatusPage } from '#libs/events/agent-exchange.ts';
import {
  heartbeatSubject,
  inventorySubject,
  operatorSubject,
  replyHeader,
  resyncSubject,
  statusSubject,
  statusesSubject,
} from '#libs/events/subjects.ts';
import { startNats } from '#libs/runtime/nats/embedded-nats.ts';
import { startPostgres } from '#libs/runtime/postgres/embedded-postgres.ts';
import { signalProcess } from '#libs/runtime/process/process-identity.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { testLogger, throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { migrate } from '../../migrations/run.ts';
import * as shop from './testing/shop.ts';
import { TestFleet } from './testing/test-fleet.ts';

/** The events of clusters, numbered among themselves. */
const eventsSql = `select row_number() over (order by seq)::int as nth, kind, name, type from events
                    where cluster <> '' order by seq`;

void t.test('events become versions, statuses and answers', async (t) => {
  const fleet = await TestFleet.open(t);
  const statuses: DesiredStatus[] = [];
  fleet.nats.subscribe(statusSubject('eu'), (json) => {
    const page: StatusPage = JSON.parse(JSON.stringify(json));
    statuses.push(...page.items);
  });
  await fleet.nats.flush();
  const { port } = await fleet.projector();
  await fleet.send(...shop.platform(), shop.route('a', 1), shop.route('a', 1), shop.slice(1, '10.0.0.1'));
  await fleet.settled();
  t.match(await fleet.rows(eventsSql), [
    { nth: 1, kind: 'GatewayClass' },
    { nth: 2, kind: 'Gateway' },
    { nth: 3, kind: 'Service' },
    { nth: 4, kind: 'HTTPRoute', name: 'a' },
  ]);
  await eventually(() => statuses.some(({ kind, name }) => kind === 'HTTPRoute' && name === 'a'));
  t.match(await ask(fleet, inventorySubject('eu')), {
    items: [
      { key: 'EndpointSlice/shop/shop-1' },
      { key: 'Gateway/infra/web' },
      { key: 'GatewayClass//fleetgate' },
      { key: 'HTTPRoute/shop/a', uid: 'eu-HTTPRoute-shop-a', resourceVersion: '1' },
      { key: 'Service/shop/shop' },
    ],
  });
  t.match(await ask(fleet, statusesSubject('eu')), {
    items: [{ kind: 'Gateway' }, { kind: 'GatewayClass' }, { kind: 'HTTPRoute' }],
  });
  await eventually(async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).status === 200);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  t.match(metrics, /fleetgate_projector_leader\{service="projector"\} 1/);
  t.match(metrics, /fleetgate_projector_messages_dropped_total\{reason="known",service="projector"\} 1/);
});

void t.test('a cluster keeps its name', async (t) => {
  const fleet = await TestFleet.open(t);
  await fleet.projector();
  t.match(await ask(fleet, inventorySubject('eu')), { items: [] }, 'registered at first sight');
  await fleet.send({ ...shop.route('a', 1), clusterUid: 'another' }, shop.route('b', 1));
  await fleet.settled();
  t.match(await fleet.rows(eventsSql), [{ name: 'b' }]);
  t.match(await ask(fleet, inventorySubject('eu'), { clusterUid: 'another' }), {
    items: [],
    refused: /belongs to the cluster with the UID uid-of-eu/,
  });
  t.match(await ask(fleet, inventorySubject('us'), { clusterUid: 'uid-of-eu' }), {
    refused: /registered as eu/,
  });
});

void t.test('heartbeats are kept, those of another cluster are not', async (t) => {
  const fleet = await TestFleet.open(t);
  await fleet.projector();
  await ask(fleet, inventorySubject('eu'));
  fleet.nats.publish(heartbeatSubject('eu'), { ...shop.heartbeat, clusterUid: 'another', objects: 99 });
  fleet.nats.publish(heartbeatSubject('us'), { ...shop.heartbeat, objects: 99 });
  fleet.nats.publish(heartbeatSubject('eu'), shop.heartbeat);
  await fleet.until('exists (select 1 from agents)');
  t.match(await fleet.rows('select cluster, objects, synced, problems from agents'), [
    { cluster: 'eu', objects: 3, synced: true, problems: ['a.yaml:3: bad'] },
  ]);
});

void t.test('commands are answered after the commit, a repeated one alike', async (t) => {
  const fleet = await TestFleet.open(t);
  await fleet.projector();
  await fleet.send(...shop.platform(), shop.route('a', 1), shop.route('a', 2));
  await fleet.settled();
  await fleet.send(shop.route('a', 3));
  const rollback = shop.command({ type: 'rollback', to: null });
  const answer = await fleet.command(rollback);
  t.match(answer, { id: rollback.id, ok: true, gateway: shop.gateway });
  t.same(await fleet.command(rollback), answer);
  t.match(await fleet.rows('select pinned from gateways'), [{ pinned: true }]);
  t.match(await fleet.command(shop.command({ type: 'rollback', to: 77 })), { ok: false, code: 'unknown-version' });
  t.match(await fleet.command({ ...shop.command({ type: 'release' }), v: 9 }), { ok: false, code: 'malformed' });
  t.match(await fleet.command(shop.command({ type: 'release' })), { ok: true });
  t.match(await fleet.rows(`select count(*)::int as n from events where kind = 'Gateway' and type <> 'applied'`), [
    { n: 3 },
  ]);
  t.match(await fleet.rows(`select data::jsonb #>> '{outcome,code}' as code from events where type = 'rollback'`), [
    { code: null },
    { code: 'unknown-version' },
  ]);
});

void t.test(
  'a command that finds the projector stopped expires, is in the history, and is never carried out',
  async (t) => {
    const fleet = await TestFleet.open(t);
    const projector = fleet.child();
    await fleet.send(...shop.platform(), shop.route('a', 1));
    await fleet.settled();
    await fleet.send(shop.route('a', 2));
    await fleet.settled();
    projector.kill('SIGSTOP');
    const inOneSecond = new Date(Date.now() + 1000).toISOString();
    const late = { ...shop.command({ type: 'rollback', to: 1 }), expiresAt: inOneSecond };
    const answer = fleet.command(late);
    const intime = fleet.command(shop.command({ type: 'rollback', to: 77 }));
    await eventually(() => Date.now() > Date.parse(inOneSecond));
    projector.kill('SIGCONT');
    t.match(await answer, { id: late.id, ok: false, code: 'expired' });
    t.match(await intime, { ok: false, code: 'unknown-version' });
    t.match(await fleet.rows(`select pinned from gateways`), [{ pinned: false }]);
    t.same(await fleet.rows(`select 1 from snapshots where cause = 'rollback'`), []);
    t.match(await fleet.rows(`select id, data::jsonb -> 'outcome' as outcome from events where type = 'rollback'`), [
      { id: late.id, outcome: { result: 'expired', message: /was not carried out/ } },
      { outcome: { result: 'refused', code: 'unknown-version' } },
    ]);
    t.match(await fleet.command(late), { ok: false, code: 'expired' }, 'and so it stays');
    projector.kill('SIGTERM');
  },
);

void t.test('an answer that was lost with its projector is given by the next', async (t) => {
  const fleet = await TestFleet.open(t);
  const first = await fleet.projector();
  await fleet.send(...shop.platform(), shop.route('a', 1));
  await fleet.settled();
  await fleet.send(shop.route('a', 2));
  const answers: unknown[] = [];
  const inbox = fleet.nats.newInbox();
  fleet.nats.subscribe(inbox, (json) => {
    answers.push(json);
  });
  await fleet.sendRaw(operatorSubject, shop.command({ type: 'rollback', to: 1 }), { [replyHeader]: inbox });
  await fleet.sendRaw(operatorSubject, shop.command({ type: 'rollback', to: 77 }), { [replyHeader]: inbox });
  await eventually(() => answers.length === 2);
  await first.stop();
  await fleet.projector();
  await eventually(() => answers.length === 4);
  t.match(answers[0], { ok: true });
  t.same(answers[2], answers[0]);
  t.match(answers[1], { ok: false, code: 'unknown-version' });
  t.same(answers[3], answers[1]);
  t.match(await fleet.rows(`select count(*)::int as n from snapshots where cause = 'rollback'`), [{ n: 1 }]);
});

void t.test('what was noted of the fleet itself is in the history within seconds', async (t) => {
  const fleet = await TestFleet.open(t);
  const note = `{"v":1,"type":"key-generated","id":"k","at":"2026-01-01T00:00:00Z","actor":null,"from":"here",
                 "subject":"k","reason":"generated"}`;
  await fleet.rows(`insert into deeds (id, data) values ('k', '${note}')`);
  await fleet.projector();
  await eventually(async () => (await fleet.rows('select 1 from deeds')).length === 0);
  const ofKeys = `select name, type from events where kind = 'NodeKey'`;
  t.match(await fleet.rows(ofKeys), [{ name: 'k', type: 'key-generated' }]);
  await fleet.send(...shop.platform());
  await fleet.settled();
  await fleet.verify();
});

void t.test('Programmed follows what nodes report', async (t) => {
  const fleet = await TestFleet.open(t);
  await fleet.projector();
  await fleet.send(...shop.platform(), shop.route('a', 1));
  await fleet.settled();
  const programmed = `exists (select 1 from statuses, jsonb_array_elements(status -> 'conditions') c
    where kind = 'Gateway' and c ->> 'type' = 'Programmed' and c ->> 'status' = 'True')`;
  t.match(await fleet.rows(`select ${programmed} as ok`), [{ ok: false }]);
  const [head] = await fleet.rows<{ head: number; digest: string }>(
    'select head, digest from gateways join snapshots using (gateway) where version = head',
  );
  await fleet.rows(
    `insert into nodes values ('n1', '1', '{}', '["*/*/*"]', '["192.0.2.1"]', 'r', true, 'live', now(), now())`,
  );
  await fleet.rows(
    `insert into node_gateways values ('n1', $1, $2, $3, now(), 1, null, null, null)`,
    shop.gateway,
    head?.head,
    head?.digest,
  );
  await fleet.rows(`select pg_notify('fleetgate_nodes', 'n1')`);
  await fleet.until(programmed);
  t.match(await fleet.rows(`select status -> 'addresses' as addresses from statuses where kind = 'Gateway'`), [
    { addresses: [{ value: '192.0.2.1' }] },
  ]);
  await fleet.rows(`delete from nodes`);
  await fleet.rows(`select pg_notify('fleetgate_nodes', 'n1')`);
  await fleet.until(`not ${programmed}`);
});

void t.test('malformed and poisonous messages are skipped, the rest goes on', async (t) => {
  const fleet = await TestFleet.open(t);
  await fleet.rows(`create function refuse() returns trigger language plpgsql as $$ begin
    if new.name like 'poison%' then raise exception 'poison' using errcode = '22000'; end if; return new; end $$`);
  await fleet.rows(`create trigger refuse before insert on objects for each row execute function refuse()`);
  const { port } = await fleet.projector({ batchMax: '50' });
  await fleet.send(...shop.platform());
  await fleet.sendRaw('fleetgate.change.eu', { v: 1, nonsense: true });
  await fleet.send(shop.route('a', 1), shop.route('poison', 1), shop.route('b', 1), shop.route('poison2', 1));
  await fleet.sendRaw('fleetgate.change.us', shop.route('c', 1));
  await fleet.sendRaw(operatorSubject, 'text');
  await fleet.send(shop.route('d', 1));
  await fleet.settled();
  t.match(await fleet.rows(`select name from events where kind = 'HTTPRoute' order by seq`), [
    { name: 'a' },
    { name: 'b' },
    { name: 'd' },
  ]);
  const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  t.match(metrics, /dropped_total\{reason="poison",service="projector"\} 2/);
  t.match(metrics, /dropped_total\{reason="malformed",service="projector"\} 3/);
  await fleet.verify();
});

void t.test('a standby takes over, and the old writer is fenced off', async (t) => {
  const fleet = await TestFleet.open(t);
  await fleet.projector();
  await fleet.send(...shop.platform(), shop.route('a', 1));
  await fleet.settled();
  const second = await fleet.projector();
  const unready = await fleet.projector({ standbyUnready: true });
  await eventually(async () => (await ready(second.port)) === 200);
  t.equal(await ready(unready.port), 503);
  const [before] = await fleet.rows<{ epoch: string }>('select epoch from projector');
  await fleet.rows(`select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted`);
  await fleet.send(shop.route('a', 2));
  await fleet.until(`(select epoch from projector) > ${before?.epoch}`);
  await fleet.settled();
  await fleet.rows('update projector set epoch = epoch + 1');
  await fleet.send(shop.route('a', 3));
  await fleet.settled();
  t.match(await fleet.rows(`select count(*)::int as n from events where name = 'a'`), [{ n: 3 }]);
  await fleet.verify();
});

void t.test('kill -9 at any moment loses and doubles nothing', async (t) => {
  const fleet = await TestFleet.open(t);
  let child = fleet.child();
  await fleet.send(...shop.platform());
  for (let round = 1; round <= 4; round++) {
    const sending = fleet.send(...Array.from({ length: 60 }, (_, index) => shop.route(`r${index}`, round)));
    await fleet.until(`(select count(*) from events where data like '%"/v${round}"%') > ${round * 10}`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    child = fleet.child();
    await sending;
  }
  await fleet.settled();
  t.match(
    await fleet.rows(
      `select count(*) filter (where cluster <> '')::int as events, max(seq) = count(*) as gapless,
              count(distinct id) = count(*) as once from events`,
    ),
    [{ events: 243, gapless: true, once: true }],
  );
  await fleet.verify();
  await fleet.until('(select epoch from projector) >= 5');
  child.kill('SIGTERM');
  const [code] = await once(child, 'exit');
  t.equal(code, 0, 'stops cleanly');
});

void t.test('a stream that lost its newest messages is read again without doubles', async (t) => {
  const fleet = await TestFleet.open(t);
  const first = await fleet.projector();
  await fleet.send(
    ...shop.platform(),
    shop.route('a', 1),
    shop.route('a', 2),
    shop.routeGone('a', 3),
    shop.route('b', 1),
  );
  await fleet.settled();
  await first.stop();
  await fleet.rows('update projector set stream_seq = stream_seq + 100');
  await fleet.send(shop.route('c', 1));
  await fleet.projector();
  await fleet.until(`exists (select 1 from events where name = 'c')`);
  t.match((await fleet.rows(eventsSql)).slice(3), [
    { nth: 4, name: 'a' },
    { nth: 5, name: 'a' },
    { nth: 6, name: 'a', type: 'deleted' },
    { nth: 7, name: 'b' },
    { nth: 8, name: 'c' },
  ]);
  await fleet.verify();
});

void t.test('NATS killed: nothing happens; its stream wiped: made anew, and agents are asked to compare', async (t) => {
  const folder = await throwawayFolder(t);
  const log = testLogger('nats');
  const first = await startNats({ dataDir: folder, log });
  const fleet = await TestFleet.open(t, { natsUrl: first.url });
  let resyncs = 0;
  const announced: unknown[] = [];
  fleet.nats.subscribe(resyncSubject, (json) => {
    if (Object.hasOwn(Object(json), 'stream')) announced.push(json);
    else resyncs += 1;
  });
  await fleet.projector();
  await fleet.send(...shop.platform(), shop.route('a', 1));
  await fleet.settled();
  t.match(announced, [{ stream: /^2/ }], 'a projector says at its start which stream it reads');
  t.match(await ask(fleet, inventorySubject('eu')), Object(announced[0]), 'and so does the inventory');
  if (first.pid !== undefined) signalProcess(first.pid, 'SIGKILL');
  await fleet.send(shop.route('a', 2));
  await fleet.settled();
  const before = resyncs;
  await first.stop();
  await rm(join(folder, 'store'), { recursive: true });
  const second = await startNats({ dataDir: folder, port: first.port, log });
  t.teardown(() => second.stop());
  // Who was not connected yet when agents were asked is asked again when it gives a sign of life.
  await eventually(
    () => {
      fleet.nats.publish(heartbeatSubject('eu'), shop.heartbeat);
      return resyncs > before;
    },
    { everyMs: 200 },
  );
  await fleet.send(...shop.platform(), shop.route('a', 1), shop.route('a', 2), shop.route('a', 3), shop.route('b', 1));
  await fleet.settled();
  t.match(await fleet.rows(eventsSql), [
    {},
    {},
    {},
    { nth: 4, name: 'a' },
    { nth: 5, name: 'a' },
    { nth: 6, name: 'a' },
    { nth: 7, name: 'b' },
  ]);
  await fleet.verify();
});

void t.test('Postgres killed and restarted', async (t) => {
  const folder = await throwawayFolder(t);
  const postgres = await startPostgres({
    dataDir: folder,
    log: testLogger('postgres'),
    settings: { shared_buffers: '16MB' },
  });
  t.teardown(() => postgres.stop());
  await migrate(postgres.url);
  const fleet = await TestFleet.open(t, { databaseUrl: postgres.url });
  await fleet.rows('delete from deeds');
  await fleet.projector();
  await fleet.send(...shop.platform(), shop.route('a', 1));
  await fleet.settled();
  for (const version of [2, 3]) {
    const { pid } = postgres;
    if (pid !== undefined) signalProcess(pid, 'SIGKILL');
    await fleet.send(shop.route('a', version), shop.route('b', version));
    await fleet.settled();
  }
  const counts = `select count(*) filter (where cluster <> '')::int as n, max(seq) = count(*) as gapless from events`;
  t.match(await fleet.rows(counts), [{ n: 8, gapless: true }]);
  await fleet.verify();
});

async function ask(fleet: TestFleet, subject: string, request: object = { clusterUid: 'uid-of-eu' }): Promise<object> {
  return eventually(async () => Object(await fleet.nats.request(subject, request, { timeoutMs: 1000 })));
}

async function ready(port: number): Promise<number> {
  return (await fetch(`http://127.0.0.1:${port}/readyz`)).status;
}
