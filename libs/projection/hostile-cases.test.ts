// Tests each kind of hostility at each place where it can be: folding it never throws and harms nobody else, and what
// can be nothing but a mistake is named where its owner looks.
import assert from 'node:assert';
import t from 'tap';
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { kinds } from '#libs/gateway/kinds.ts';
import { Projection } from './projection.ts';
import { applied } from '#libs/testing/given/change-events.ts';
import { hostileCases, hostilities, hugeTexts } from '#libs/testing/given/hostile-cases.ts';
import { type Place, placesOf, replaced, templates, valueAt } from '#libs/testing/given/hostile-objects.ts';
import { statusFaults } from '#libs/testing/status-rules.ts';
import { hostileTeam, isOfVictims, isSlice, victims } from '#libs/testing/given/two-teams.ts';
import type { Manifest } from '#libs/testing/given/change-events.ts';

const node = { node: 'n1', connected: true, serves: ['*/*/*'], addresses: ['10.0.0.9'], applied: [], rejected: [] };

/** What is not read, or says whose object it is: then there is nobody to tell. Kinds without a row have no status. */
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

for (const hostility of hostilities) {
  void t.test(hostility, async (t) => {
    const cases = hostileCases.filter((one) => one.hostility === hostility);
    const silent = new Set<string>();
    let named = 0;
    for (const [template, own] of Map.groupBy(cases, ({ kind, object }) => `${kind} ${nameOf(object)}`)) {
      const projection = fold([...victims(), ...hostileTeam()]);
      const others = othersOf(projection);
      const before = ownStatuses(projection);
      for (const [index, { kind, object, place, named: isMistake }] of own.entries()) {
        apply(projection, [applied(object, 'eu', String(index + 2))]);
        assert.deepStrictEqual(othersOf(projection), others, `${template} ${written(place)}`);
        for (const status of statusesOf(projection)) assert.deepStrictEqual(statusFaults(status), []);
        const except = unread[kind];
        if (!isMistake || place[0] !== 'spec' || except === undefined || except.test(written(place))) continue;
        const now = ownStatuses(projection);
        named += 1;
        if (now === before || !isNamed(now, place))
          silent.add(`${template} ${written(place)} ${JSON.stringify(valueAt(object, place))}`);
      }
    }
    t.same([...silent], [], 'what nobody is told');
    t.comment(`${hostility}: ${cases.length} objects, ${named} of them named`);
    t.ok(cases.length > 20, `${cases.length} objects`);
  });
}

void t.test('10 MB annotations', async (t) => {
  let count = 0;
  const projection = fold([...victims(), ...hostileTeam()]);
  const others = othersOf(projection);
  for (const { kind } of kinds)
    for (const whole of templates(kind))
      for (const object of hugeTexts(whole)) {
        apply(projection, [applied(object, 'eu', String(++count + 1))]);
        assert.deepStrictEqual(othersOf(projection), others, `${kind} ${nameOf(object)}`);
      }
  for (const status of statusesOf(projection)) t.same(statusFaults(status), []);
  t.comment(`10 MB annotations: ${count} objects`);
  t.ok(count > 50, `${count} objects`);
});

void t.test('a field of a ReferenceGrant that is of the wrong type is named to those whom it keeps out', async (t) => {
  const across = { kind: 'HTTPRoute', metadata: { name: 'across', namespace: 'other' } };
  const backend = { kind: 'Service', namespace: 'evil', name: 'svc', port: 80 };
  const parentRefs = [{ namespace: 'infra', name: 'shared' }];
  const projection = fold([
    ...victims(),
    ...hostileTeam(),
    applied({ ...across, spec: { parentRefs, rules: [{ backendRefs: [backend] }] } }),
  ]);
  const silent: string[] = [];
  let version = 1;
  for (const whole of templates('ReferenceGrant'))
    for (const place of placesOf(whole)) {
      if (place[0] !== 'spec') continue;
      const wrong = replaced(whole, place, typeof valueAt(whole, place) === 'string' ? 7 : 'wrong');
      const object = { ...whole, ...(isRecord(wrong) ? wrong : {}), kind: whole.kind };
      apply(projection, [applied(object, 'eu', String(++version))]);
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

function fold(events: readonly ChangeEvent[]): Projection {
  const projection = new Projection();
  projection.setNodes([node]);
  apply(projection, events);
  return projection;
}

function apply(projection: Projection, events: readonly ChangeEvent[]): void {
  const history = events.filter((event) => !isSlice(event)).map((event, index) => ({ seq: BigInt(index), event }));
  projection.apply({ events: history, slices: events.filter(isSlice), sealed: [] }, () => {
    throw new Error('no rollback here');
  });
}

/** What the other team has, and how that is. How many of this team attach is no harm. */
function othersOf(projection: Projection): readonly string[] {
  const entries = ['eu/infra/private', 'eu/infra/shared'].flatMap((gateway) =>
    [...(projection.content(gateway)?.entries ?? [])]
      .filter(([key]) => gateway.endsWith('private') || isOfVictims(key))
      .map(([key, hash]) => `${gateway} ${key} ${hash}`),
  );
  const statuses = statusesOf(projection).filter(({ namespace }) => namespace === 'infra');
  const texts = statuses.map((one) => canonicalJson(one).replaceAll(/"attached(Routes|ListenerSets)":\d+/gu, '"$1":0'));
  return [...entries.toSorted(), ...texts];
}

function statusesOf(projection: Projection): readonly DesiredStatus[] {
  return projection.statuses('eu', undefined, 10_000).items;
}

function ownStatuses(projection: Projection): string {
  return canonicalJson(statusesOf(projection).filter(({ namespace }) => namespace !== 'infra'));
}

function nameOf({ metadata }: Manifest): string {
  return String(isRecord(metadata) ? metadata['name'] : '');
}
