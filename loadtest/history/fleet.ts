// Makes up the history of a fleet, the same one each time: clusters with their platform, routes on hosts of their own
// and on shared ones; then edits as people and controllers make them, deletions, new objects, and one route that a
// controller changes all the time. Pure.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { type Manifest, applied, deleted } from '#libs/testing/given/change-events.ts';

/** How large a fleet is. */
interface FleetSize {
  readonly clusters: number;
  readonly routesPerCluster: number;
}

/** One event, made to be of its time. */
export type FleetEvent = (at: Date) => ChangeEvent;

interface Route {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly host: string;
  /** What of it was changed: every change makes another object. */
  readonly turn: number;
  readonly path: string;
}

/** What the questions of the benchmark name. */
export const known = {
  /** Changed by every tenth event. */
  hot: { cluster: 'c0', kind: 'HTTPRoute', namespace: 'team-0', name: 'hot' },
  hotHost: 'hot.example.com',
  sharedHost: 'shared-3.example.com',
  /** Named for three events in the middle. */
  rareHost: 'rare.example.com',
  rarePerson: 'eve',
  commonManager: 'argocd-controller',
  gateway: 'c1/infra/web',
} as const;

const teams = 10;
const sharedHosts = 50;
const managers = [known.commonManager, known.commonManager, 'kustomize-controller', 'kubectl', 'helm', 'terraform'];

/** Gives the size of a fleet for so many events. */
export function sizeFor(events: number): FleetSize {
  return {
    clusters: Math.min(100, Math.max(2, Math.round(events / 2000))),
    routesPerCluster: events < 50_000 ? 20 : 100,
  };
}

/** Gives the events with which the fleet begins, cluster by cluster. */
export function* firstEvents({ clusters, routesPerCluster }: FleetSize): Generator<FleetEvent> {
  for (let index = 0; index < clusters; index++) {
    const cluster = `c${index}`;
    for (const manifest of platform()) yield (at) => by(applied(manifest, cluster, '1'), 'terraform', at);
    for (let route = 0; route < routesPerCluster; route++) yield written(newRoute(cluster, index, route), 'helm');
  }
  yield written(hotRoute(0), 'helm');
}

/** Gives what happens from then on, without an end: `share` of 0 to 1 says how much of the time is over. */
export function* laterEvents(size: FleetSize, share: () => number): Generator<FleetEvent> {
  const random = randomOf(7);
  const pick = (count: number): number => Math.floor(random() * count);
  const live = new Map<number, Route>();
  const total = size.clusters * size.routesPerCluster;
  let rare = 0;
  for (let turn = 2; ; turn++) {
    const number = pick(total);
    const index = Math.floor(number / size.routesPerCluster);
    const route = live.get(number) ?? newRoute(`c${index}`, index, number % size.routesPerCluster);
    const manager = managers[pick(managers.length)] ?? 'kubectl';
    const next = { ...route, turn };
    const what = random();
    if (rare < 3 && share() > 0.5) {
      yield written({ ...hotRoute(turn), name: 'rare', host: known.rareHost }, known.rarePerson);
      rare += 1;
    } else if (what < 0.1) yield written(hotRoute(turn), 'argo-rollouts');
    else if (what < 0.14) yield serviceEvent(route, turn, manager);
    else if (what < 0.18) {
      yield (at) => by(deleted(toManifest(route), route.cluster, String(turn)), manager, at);
      yield written(next, manager);
    } else if (what < 0.22) {
      const preview = { ...next, name: `preview-${turn}`, host: `pr-${turn}.preview.example.com` };
      yield written(preview, 'github-actions');
      yield (at) => by(deleted(toManifest(preview), route.cluster, `${turn}d`), 'github-actions', at);
    } else {
      const moved = what < 0.26 ? { ...next, path: `/v${turn % 40}/${route.name}` } : next;
      const changed = what > 0.98 ? { ...moved, host: `moved-${turn % 500}.example.com` } : moved;
      live.set(number, changed);
      yield written(changed, manager);
    }
  }
}

function platform(): readonly Manifest[] {
  const from = { namespaces: { from: 'All' } };
  const gateway = (name: string, port: number): Manifest => ({
    kind: 'Gateway',
    metadata: { name, namespace: 'infra' },
    spec: { gatewayClassName: 'fleetgate', listeners: [{ name: 'http', port, protocol: 'HTTP', allowedRoutes: from }] },
  });
  const services = Array.from({ length: teams }, (_, team) => service(`team-${team}`, 1));
  const controllerName = 'fleetgate.dev/gateway-controller';
  return [
    { kind: 'GatewayClass', metadata: { name: 'fleetgate' }, spec: { controllerName } },
    gateway('web', 80),
    gateway('internal', 8080),
    ...services,
  ];
}

function service(namespace: string, turn: number): Manifest {
  const ports = [{ name: 'web', port: 80 }];
  return {
    kind: 'Service',
    metadata: { name: 'app', namespace, annotations: { turn: String(turn) } },
    spec: { ports },
  };
}

function serviceEvent({ cluster, namespace }: Route, turn: number, manager: string): FleetEvent {
  return (at) => by(applied(service(namespace, turn), cluster, String(turn)), manager, at);
}

/** Every second route has a host of its own; the others share some with routes of all clusters. */
function newRoute(cluster: string, index: number, number: number): Route {
  const own = `${cluster}-r${number}.example.com`;
  const host = number % 2 === 0 ? own : `shared-${(index * 7 + number) % sharedHosts}.example.com`;
  return { cluster, namespace: `team-${number % teams}`, name: `r${number}`, host, turn: 1, path: `/r${number}` };
}

function hotRoute(turn: number): Route {
  const { cluster, namespace, name } = known.hot;
  return { cluster, namespace, name, host: known.hotHost, turn, path: '/' };
}

function toManifest({ namespace, name, host, turn, path }: Route): Manifest {
  const matches = [{ path: { type: 'PathPrefix', value: path }, headers: [{ name: 'x-tenant', value: name }] }];
  const stable = turn % 100;
  const backendRefs = [
    { name: 'app', port: 80, weight: 100 - stable },
    { name: 'app', port: 80, weight: stable },
  ];
  const set = [{ name: 'x-team', value: namespace }, ...(turn === 1 ? [] : [{ name: 'x-turn', value: String(turn) }])];
  const filters = [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set } }];
  const admin = {
    matches: [{ path: { type: 'Exact', value: `${path}/admin` } }],
    backendRefs: [{ name: 'app', port: 80 }],
  };
  const rules = [{ matches, filters, backendRefs, timeouts: { request: '10s', backendRequest: '2s' } }, admin];
  const labels = { 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': namespace, team: namespace };
  const gateway = Number(name.replaceAll(/\D/g, '')) % 5 === 0 ? 'internal' : 'web';
  return {
    kind: 'HTTPRoute',
    metadata: {
      name,
      namespace,
      generation: turn,
      labels,
      annotations: { 'example.com/owner': `${namespace}@example.com` },
    },
    spec: { parentRefs: [{ name: gateway, namespace: 'infra' }], hostnames: [host], rules },
  };
}

function written(route: Route, manager: string): FleetEvent {
  return (at) => by(applied(toManifest(route), route.cluster, String(route.turn)), manager, at);
}

function by(event: ChangeEvent, manager: string, at: Date): ChangeEvent {
  const time = at.toISOString();
  return { ...event, actor: { manager, operation: 'Update' }, at: time, seenAt: time };
}

/** Gives numbers of 0 to 1 that look like chance and are the same each time (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
