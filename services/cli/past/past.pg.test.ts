// Holds what `at` answers against a replay of the history: random histories are written by the projector's own writer,
// and at random events routes, gateways and explanations must be those of a fold of everything up to there.
import * as fc from 'fast-check';
import type { Client } from 'pg';
import t, { type Test } from 'tap';
import { routeKinds } from '#libs/api/parameters.ts';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { parsePlaceKey, toObjectKey } from '#libs/gateway/object-key.ts';
import { Projection } from '#libs/projection/projection.ts';
import type { VersionContent } from '#libs/projection/versions/gateway-head.ts';
import { localDoer } from '#libs/runtime/postgres/deeds.ts';
import { openPostgres } from '#libs/runtime/postgres/postgres.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { applied, deleted } from '#libs/testing/given/change-events.ts';
import { testLogger, throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { createToken } from '../../control/access/tokens.ts';
import { startReplica } from '../../control/testing/control-fixture.ts';
import { archiveVersions } from '../../projector/archive/archive-versions.ts';
import { openPlace } from '../../projector/places/open-place.ts';
import { contentsFor, historyBatches } from '../../projector/store/history.ts';
import * as shop from '../../projector/testing/shop.ts';
import { TestWriter } from '../../projector/testing/test-writer.ts';
import { FleetClient } from '../client/fleet-client.ts';
import { readGatewaysThen, readRoutesThen } from './past-reads.ts';
import { explain } from '../explain/explanation.ts';
import { readFleetGround } from '../explain/fleet-ground.ts';
import type { Ground } from '../explain/ground.ts';
import { readTyped } from '../explain/typed-request.ts';

const clusters = ['eu', 'us'];
const names = ['a', 'b', 'c'];
const gatewayClass = {
  kind: 'GatewayClass',
  metadata: { name: 'fleetgate' },
  spec: { controllerName: 'fleetgate.dev/gateway-controller' },
};

type Step =
  | { readonly do: 'write' | 'remove'; readonly name: string; readonly cluster: string }
  | { readonly do: 'gateway' | 'label' | 'gateway gone' | 'class' | 'class gone' | 'release' }
  | { readonly do: 'rollback'; readonly back: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: route('write') },
  { weight: 3, arbitrary: route('remove') },
  { weight: 1, arbitrary: plain('gateway') },
  { weight: 1, arbitrary: plain('label') },
  { weight: 1, arbitrary: plain('gateway gone') },
  { weight: 1, arbitrary: plain('class') },
  { weight: 1, arbitrary: plain('class gone') },
  { weight: 3, arbitrary: plain('release') },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('rollback' as const), back: fc.nat(4) }) },
);

function route(what: 'write' | 'remove'): fc.Arbitrary<Step> {
  return fc.record({
    do: fc.constant(what),
    name: fc.constantFrom(...names),
    cluster: fc.constantFrom(...clusters),
  });
}

function plain(what: Exclude<Step['do'], 'write' | 'remove' | 'rollback'>): fc.Arbitrary<Step> {
  return fc.constant({ do: what });
}

/** A history in transactions of one to three steps; a command is always alone in its transaction. */
const history = fc.array(fc.array(step, { minLength: 1, maxLength: 3 }), { minLength: 12, maxLength: 24 });

void t.test('at a random event everything is as a replay up to it says', async (t) => {
  for (const [index, batches] of fc.sample(history, { seed: 2026, numRuns: 8 }).entries()) {
    await t.test(`history ${index}`, async (t) => {
      const db = await TestWriter.open(t);
      await write(db, batches);
      const client = await startApi(t, db.url);
      const [last] = await db.rows<{ seq: string }>('select max(seq) as seq from events');
      const wanted = fc.sample(fc.integer({ min: 1, max: Number(last?.seq) }), { seed: index, numRuns: 6 });
      for (const seq of new Set([...wanted, Number(last?.seq)])) await compare(t, db, client, seq);
    });
  }
});

void t.test('what is in an archive is said, and nothing else stands in its place', async (t) => {
  const db = await TestWriter.open(t);
  await db.append(...shop.platform());
  for (let turn = 1; turn <= 40; turn += 1) await db.append(shop.route('a', turn));
  const client = await startApi(t, db.url);
  const at = '#20';
  const before = await readGatewaysThen(client, { at });
  t.match(before.items, [{ gateway: shop.gateway, serving: 18 }]);
  t.same(before.moment.archived, []);
  const place = openPlace(await throwawayFolder(t), {});
  const { versions } = await archiveVersions(db.client, place, new Date(Date.now() + 60_000));
  t.ok(versions > 20);
  const after = await readGatewaysThen(client, { at });
  t.same(after.items, []);
  t.same(after.moment.archived, [shop.gateway]);
  t.match(after.moment.notKnown.at(-1), /versions of that time are in the archive/);
  await t.rejects(readFleetGround(client, { at }), { code: 'not-found', message: /is in the archive/ });
  const late = await readGatewaysThen(client, { at: '#43' });
  t.match(late.items, [{ serving: 41 }]);
  t.same(late.moment.archived, []);
});

async function compare(t: Test, db: TestWriter, client: FleetClient, seq: number): Promise<void> {
  const [event] = await db.rows<{ batch: string }>('select batch from events where seq = $1', seq);
  const end = event?.batch ?? '';
  const then = await replay(db.client, end);
  const at = `#${seq}`;
  const routes = await readRoutesThen(client, { at });
  t.equal(routes.moment.seq, end, `${at} is the end of its transaction`);
  const shownRoutes = routes.items.map(({ servedBy, seq: by, hostnames, rules, ...one }) => [
    toObjectKey(one),
    by,
    hostnames,
    rules,
    servedBy.map(({ gateway, version }) => `${gateway}@${version}`),
  ]);
  t.strictSame(shownRoutes, then.routes, `${at}: routes`);
  const gateways = await readGatewaysThen(client, { at, deleted: 'true' });
  const shownGateways = gateways.items.map(({ gateway, head, serving, pinned, deleted: gone, labels, uid, digest }) => [
    gateway,
    { head, serving, pinned, deleted: gone, labels, uid, digest },
  ]);
  t.strictSame(shownGateways, then.gateways, `${at}: gateways`);
  for (const gateway of then.ground.gateways.map((one) => one.gateway)) {
    const ground = await readFleetGround(client, { at, gateway });
    for (const url of urls) {
      const own = { ...then.ground, gateways: then.ground.gateways.filter((one) => one.gateway === gateway) };
      t.strictSame(verdictOf(ground, url), verdictOf(own, url), `${at}: ${gateway} ${url}`);
    }
  }
}

const urls = names.flatMap((name) => ['v3', 'v5', 'v8', 'v13'].map((path) => `http://${name}.example.com/${path}`));

function verdictOf(ground: Ground, url: string): unknown {
  const typed = readTyped({
    method: 'GET',
    url,
    headers: [],
    serverName: undefined,
    certificate: undefined,
    port: undefined,
  });
  if ('problem' in typed) throw new Error(typed.problem);
  const { about: _, assumed: __, ...said } = explain(ground, typed);
  return said;
}

/** Folds everything up to an event, and says in the words of the comparison what there is then. */
async function replay(client: Client, seq: string) {
  const projection = new Projection({ limits: {} });
  const objects = new Map<string, readonly [seq: string, event: ChangeEvent]>();
  const contents = new Map<string, VersionContent>();
  const entries = new Map<string, Entry>();
  const heads = new Set<string>();
  await client.query('begin');
  for await (const batch of historyBatches(client, { lastSeq: seq })) {
    const contentOf = await contentsFor(client, batch);
    const change = projection.apply({ events: batch.folded, slices: [], sealed: [] }, contentOf);
    for (const { gateway, version } of change.versions) {
      const content = projection.content(gateway);
      if (content !== undefined) contents.set(`${gateway}@${version}`, content);
    }
    for (const { gateway } of change.gateways) heads.add(gateway);
    for (const [hash, json] of change.entries) entries.set(hash, JSON.parse(json));
    for (const { seq: own, event } of batch.folded)
      if ('object' in event) objects.set(toObjectKey(event), [own.toString(), event]);
  }
  await client.query('rollback');
  const gateways = [...heads].toSorted().flatMap((gateway) => {
    const head = projection.gatewayHead(gateway);
    return head === undefined ? [] : [head];
  });
  const contentOf = (gateway: string, version: number): ReadonlyMap<string, string> =>
    contents.get(`${gateway}@${version}`)?.entries ?? new Map();
  const digestOf = (gateway: string, version: number): string | null =>
    contents.get(`${gateway}@${version}`)?.digest ?? null;
  const routes = [...objects]
    .filter(([, [, event]]) => event.object !== null && routeKinds.includes(event.kind))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, [own, event]]) => {
      const prefix = `rule/${event.kind}/${event.namespace}/${event.name}/`;
      const servedBy = gateways
        .filter(({ gateway }) => parsePlaceKey(gateway).cluster === event.cluster)
        .filter(({ gateway, serving }) => [...contentOf(gateway, serving).keys()].some((one) => one.startsWith(prefix)))
        .map(({ gateway, serving }) => `${gateway}@${serving}`);
      return [key, own, [`${event.name}.example.com`], 1, servedBy];
    });
  const ground = groundOf(
    gateways.map(({ gateway, serving }) => ({
      gateway,
      version: serving,
      entries: new Map(
        [...contentOf(gateway, serving)]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .flatMap(([key, hash]) => {
            const entry = entries.get(hash);
            return entry === undefined ? [] : [[key, entry] as const];
          }),
      ),
    })),
  );
  return {
    routes,
    ground,
    gateways: gateways.map(({ gateway, head, serving, pinned, deleted: gone, labels, uid }) => [
      gateway,
      { head, serving, pinned, deleted: gone, labels, uid, digest: digestOf(gateway, serving) },
    ]),
  };
}

function groundOf(gateways: Ground['gateways']): Ground {
  return {
    about: '',
    gateways,
    routes: [],
    problems: [],
    refused: [],
    assumed: [],
    isAgeKnown: () => true,
    portOffset: 0,
    endpoints: () => undefined,
    place: () => undefined,
  };
}

async function write(db: TestWriter, batches: readonly (readonly Step[])[]): Promise<void> {
  for (const cluster of clusters) await db.append(...shop.platform(cluster));
  let turn = 2;
  for (const steps of batches) {
    const changes: ChangeEvent[] = [];
    for (const one of steps) {
      turn += 1;
      changes.push(...changeOf(one, turn));
    }
    if (changes.length > 0) await db.append(...changes);
    for (const one of steps) {
      if (one.do === 'release') await db.decide(shop.command({ type: 'release' }));
      if (one.do === 'rollback') {
        const [head] = await db.rows<{ head: number }>('select head from gateways where gateway = $1', shop.gateway);
        await db.decide(shop.command({ type: 'rollback', to: Math.max(1, (head?.head ?? 1) - one.back) }));
      }
    }
  }
}

type Change = Exclude<Step['do'], 'rollback' | 'release'>;

const makers: Readonly<Record<Change, (turn: number, name: string, cluster: string) => ChangeEvent>> = {
  write: (turn, name, cluster) => shop.route(name, turn, cluster),
  remove: (turn, name, cluster) => shop.routeGone(name, turn, cluster),
  gateway: (turn) => shop.gatewayBack(turn),
  label: (turn) => shop.gatewayLabelled(turn, { turn: String(turn) }),
  'gateway gone': (turn) => shop.gatewayGone(turn),
  class: (turn) => applied(gatewayClass, 'eu', String(turn)),
  'class gone': (turn) => deleted(gatewayClass, 'eu', String(turn)),
};

function changeOf(one: Step, turn: number): readonly ChangeEvent[] {
  if (one.do === 'rollback' || one.do === 'release') return [];
  return [makers[one.do](turn, 'name' in one ? one.name : '', 'cluster' in one ? one.cluster : '')];
}

async function startApi(t: Test, databaseUrl: string): Promise<FleetClient> {
  const postgres = openPostgres({ url: databaseUrl, log: testLogger() });
  const { token } = await createToken(postgres.db, { name: 'test', role: 'viewer' }, localDoer());
  await postgres.close();
  const { port } = await startReplica(t, databaseUrl);
  return new FleetClient({ url: `http://127.0.0.1:${port}`, token });
}
