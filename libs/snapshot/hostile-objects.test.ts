// Objects that no API server should let through, of every watched kind: folding them never throws, harms nobody else, and what is wrong is
// said where its owner looks. FLEETGATE_SEED=… repeats a run.
import assert from 'node:assert';
import * as fc from 'fast-check';
import t from 'tap';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { parseChangeEvent } from '#libs/events/parse-change-event.ts';
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { isRecord } from '#libs/gateway/cursor.ts';
import { kinds } from '#libs/gateway/kinds.ts';
import { isNestedDeeper } from '#libs/gateway/nesting.ts';
import { Projection } from '#libs/snapshot/projection.ts';
import { applied, deleted } from '#libs/testing/change-events.ts';
import {
  anyHostileObject,
  missingTemplates,
  type Place,
  placesOf,
  replaced,
  templates,
  valueAt,
} from '#libs/testing/hostile-objects.ts';
import { hostileTeam, isOfVictims, isSlice, victims } from '#libs/testing/two-teams.ts';
import { statusFaults } from '#libs/testing/status-rules.ts';

const seed = Number(process.env['FLEETGATE_SEED'] ?? Date.now() % 2 ** 31);
const node = { node: 'n1', connected: true, serves: ['*/*/*'], addresses: ['10.0.0.9'], applied: [], rejected: [] };
const seen = '2026-01-01T00:00:00Z';
const gateways = ['eu/infra/private', 'eu/infra/shared'];

t.comment(`FLEETGATE_SEED=${seed}`);

void t.test('every watched kind has a row in the generator', async (t) => {
  t.same(missingTemplates, []);
});

void t.test('hostile objects leave other teams as they are', async (t) => {
  const alone = fold([victims()]);
  const expected = victimsOf(alone);
  t.ok(expected.entries.length > 8, `${expected.entries.length} entries`);
  let taken = 0;
  const batches = fc.array(fc.tuple(anyHostileObject, fc.boolean()), { minLength: 1, maxLength: 25, size: 'max' });
  fc.assert(
    fc.property(batches, (hostile) => {
      const sendable = hostile.filter(([object]) => !isNestedDeeper(object));
      const came = sendable.flatMap(([object]) => arriving(applied(object)));
      const gone = sendable.flatMap(([object, leaves]) => (leaves ? arriving(deleted(object)) : []));
      taken += came.length;
      const first = fold([[...hostileTeam(), ...came], victims()]);
      assert.deepStrictEqual(victimsOf(first), expected, 'objects that were there before');
      const later = fold([victims(), [...hostileTeam(), ...came]]);
      assert.deepStrictEqual(victimsOf(later), expected, 'objects that came later');
      apply(later, gone);
      assert.deepStrictEqual(victimsOf(later), expected, 'objects that went');
      for (const status of statusesOf(first)) assert.deepStrictEqual(statusFaults(status), [], nameOf(status));
    }),
    { numRuns: 60, seed },
  );
  t.ok(taken > 200, `${taken} objects`);
});

/** What is not read, or says whose object it is: then there is nobody to tell. Where that is in the spec, its absence is everything's. */
const unread: Readonly<Record<string, RegExp>> = {
  GatewayClass: /^spec\.(controllerName|description)$/u,
  Gateway: /^spec\.(gatewayClassName|defaultScope|listeners\[\d+\]\.tls\.options.*)$/u,
  ListenerSet: /^spec\.parentRef(\..*)?$/u,
  HTTPRoute: /^spec\.(parentRefs|useDefaultGateways|rules\[\d+\]\.(name|sessionPersistence.*))$/u,
  GRPCRoute: /^spec\.(parentRefs|useDefaultGateways|rules\[\d+\]\.(name|sessionPersistence.*))$/u,
  TLSRoute: /^spec\.(parentRefs|useDefaultGateways|rules\[\d+\]\.name)$/u,
  TCPRoute: /^spec\.(parentRefs|useDefaultGateways|rules\[\d+\]\.name)$/u,
  UDPRoute: /^spec\.(parentRefs|useDefaultGateways|rules\[\d+\]\.name)$/u,
  BackendTLSPolicy: /^spec\.(targetRefs.*|options.*)$/u,
  'GatewayClass.networking.x-k8s.io': /^spec\.controller$/u,
  'Gateway.networking.x-k8s.io': /^spec\.gatewayClassName$/u,
  'HTTPRoute.networking.x-k8s.io': /^$/u,
  'TLSRoute.networking.x-k8s.io': /^$/u,
  'TCPRoute.networking.x-k8s.io': /^$/u,
  'UDPRoute.networking.x-k8s.io': /^$/u,
  BackendPolicy: /^spec\.backendRefs(\[0\](\.(group|kind|name))?)?$/u,
  // Has no conditions in its API: it is told in the parents that our own API lists.
  Ingress: /^$/u,
  // Has no status: its Ingresses hear of it.
  IngressClass: /^spec(\.controller)?$/u,
};

void t.test('each field that is of the wrong type is named in a status', async (t) => {
  const silent: string[] = [];
  let tried = 0;
  for (const { kind } of kinds) {
    const except = unread[kind];
    for (const whole of except === undefined ? [] : templates(kind)) {
      const projection = fold([[...victims(), ...hostileTeam()]]);
      const before = ownStatuses(projection);
      for (const place of placesOf(whole)) {
        const path = written(place);
        if (place[0] !== 'spec' || except?.test(path) === true) continue;
        const value = valueAt(whole, place);
        const wrong = typeof value === 'string' ? 7 : typeof value === 'number' ? {} : 'wrong';
        const object = replaced(whole, place, wrong);
        apply(projection, [
          applied({ ...(isRecord(object) ? object : {}), kind: whole.kind }, 'eu', String(++tried + 1)),
        ]);
        const now = ownStatuses(projection);
        if (now === before || !isNamed(now, place)) silent.push(`${kind} ${path}`);
      }
    }
  }
  t.same(silent, []);
  t.comment(`${tried} fields`);
  t.ok(tried > 450, `${tried} fields`);
});

void t.test('a field of a ReferenceGrant that is of the wrong type is named to those whom it keeps out', async (t) => {
  const across = { kind: 'HTTPRoute', metadata: { name: 'across', namespace: 'other' } };
  const backend = { kind: 'Service', namespace: 'evil', name: 'svc', port: 80 };
  const parentRefs = [{ namespace: 'infra', name: 'shared' }];
  const projection = fold([
    [...victims(), ...hostileTeam(), applied({ ...across, spec: { parentRefs, rules: [{ backendRefs: [backend] }] } })],
  ]);
  const silent: string[] = [];
  let version = 1;
  for (const whole of templates('ReferenceGrant'))
    for (const place of placesOf(whole)) {
      if (place[0] !== 'spec') continue;
      const object = replaced(whole, place, typeof valueAt(whole, place) === 'string' ? 7 : 'wrong');
      apply(projection, [applied({ ...(isRecord(object) ? object : {}), kind: whole.kind }, 'eu', String(++version))]);
      if (!isNamed(ownStatuses(projection), place)) silent.push(written(place));
    }
  t.same(silent, []);
});

function written(place: Place): string {
  return place
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${step}`))
    .join('');
}

/** Fields of maps are named behind the map. */
function isNamed(statuses: string, place: Place): boolean {
  const ofMap = `${written(place.slice(0, -1))}: ${JSON.stringify(place.at(-1))} must be`;
  return statuses.includes(written(place)) || statuses.includes(JSON.stringify(ofMap).slice(1, -1));
}

function ownStatuses(projection: Projection): string {
  return canonicalJson(statusesOf(projection).filter(({ namespace }) => namespace !== 'infra'));
}

function fold(batches: readonly (readonly ChangeEvent[])[]): Projection {
  const projection = new Projection();
  projection.setNodes([node]);
  for (const batch of batches) apply(projection, batch);
  return projection;
}

function apply(projection: Projection, events: readonly ChangeEvent[]): void {
  const history = events.filter((event) => !isSlice(event)).map((event, index) => ({ seq: BigInt(index), event }));
  projection.apply({ events: history, slices: events.filter(isSlice), sealed: [] }, () => {
    throw new Error('no rollback here');
  });
}

/** The event as it comes out of the stream, where it comes through. */
function arriving(event: ChangeEvent): readonly ChangeEvent[] {
  const parsed = parseChangeEvent(JSON.parse(JSON.stringify({ ...event, at: seen, seenAt: seen })));
  return parsed.ok ? [parsed.value] : [];
}

/** What the other team has: everything of its own gateway, and what is its own on the one that it shares. */
function victimsOf(projection: Projection): {
  readonly entries: readonly string[];
  readonly statuses: readonly string[];
} {
  const entries = gateways.flatMap((gateway) =>
    [...(projection.content(gateway)?.entries ?? [])]
      .filter(([key]) => gateway.endsWith('private') || isOfVictims(key))
      .map(([key, hash]) => `${gateway} ${key} ${hash}`),
  );
  const statuses = statusesOf(projection).filter(({ namespace }) => namespace === 'infra');
  return { entries: entries.toSorted(), statuses: statuses.map(withoutCounts) };
}

function statusesOf(projection: Projection): readonly DesiredStatus[] {
  return projection.statuses('eu', undefined, 10_000).items;
}

/** How many of another team attach is no harm. */
function withoutCounts(status: DesiredStatus): string {
  return canonicalJson(status).replaceAll(/"attached(Routes|ListenerSets)":\d+/gu, '"$1":0');
}

function nameOf({ kind, namespace, name }: DesiredStatus): string {
  return `${kind} ${namespace}/${name}`;
}
