// Wires the stages of the routes of every kind: read, attach, resolve, publish, and claim what they match. `routeKinds`
// says what is a route.
//
//   objects ─▶ read ─▶ wanted ─▶ attachments ─▶ publication ─▶ entries
//                └─▶ resolved rules ──────────────┘  └──▶ claims ─▶ winners
import type { KnownObject } from '#libs/fleet/fleet.ts';
import { createdAt, generation } from '#libs/gateway/fields/metadata.ts';
import type { RouteSpec } from '#libs/gateway/objects/route-spec.ts';
import { attachRoute } from '#libs/projection/model/attach.ts';
import { backendLookup, type BackendStages } from './backend-stages.ts';
import { type BackendUses, createBackendUses } from './backend-use-stages.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Group, Membership } from '#libs/derivation/group.ts';
import type { Stage } from '#libs/derivation/stage.ts';
import type { RouteName } from '#libs/snapshot/entry.ts';
import type { GatewayStages } from './gateway-stages.ts';
import {
  type Claim,
  type Claimant,
  claimsOf,
  type Publication,
  publishRoute,
  type RuleName,
  winningRule,
} from '#libs/projection/model/publish.ts';
import { labelsOfNamespace, type ReferenceStages } from './reference-stages.ts';
import { type ResolvedRules, resolveRules } from '#libs/projection/model/resolve-rules.ts';
import type { KeptAttachment } from '#libs/projection/model/rivals.ts';
import { createRivalStages, type WantedRoute } from './rival-stages.ts';
import { routeKind, routeKinds } from '#libs/projection/model/route-kinds.ts';
import { routeFault } from '#libs/projection/statuses/route-status.ts';
import { createWinnerLookup, type WinnerLookup } from './shared-claim-stages.ts';
import type { Sources } from './sources.ts';
import { parsePlaceKey, toObjectKey } from '#libs/gateway/object-key.ts';

/** Holds a route as it was read. */
export interface ReadRoute {
  readonly route: RouteName;
  readonly uid: string;
  readonly generation: number;
  readonly spec: RouteSpec;
}

interface AttachedRoute {
  /** Whether its own content lets it be accepted. */
  readonly accepted: boolean;
  readonly attachments: readonly KeptAttachment[];
}

/** Holds the stages of routes. Keys are object keys of the routes where nothing else is said. */
export interface RouteStages extends BackendUses {
  readonly routes: Stage<ReadRoute>;
  readonly attachments: Stage<AttachedRoute>;
  readonly resolved: Stage<ResolvedRules>;
  readonly publications: Stage<readonly Publication[]>;
  readonly claims: Stage<readonly Claim[]>;
  /** What the claims of a route lose to. */
  readonly winnerOf: WinnerLookup;
  /** Groups: `gateway listener`; members are the accepted routes. */
  readonly attached: Group<true>;
}

/** Makes the stages. */
export function createRouteStages(
  engine: Derivation,
  sources: Sources,
  references: ReferenceStages,
  backends: BackendStages,
  gateways: GatewayStages,
): RouteStages {
  const routes = createReadStage(engine, sources);
  const attachments = createAttachStages(engine, references, gateways, routes);
  const attached = engine.group<true>().feed(attachments, attachedListeners);
  const resolved = engine.stage({
    name: 'resolved rules',
    each: routes,
    compute: (key, read) => {
      const found = read.get(routes, key);
      return found && resolveRules(found.spec, found.route, backendLookup(references, backends, read));
    },
  });
  const publications = engine.stage({
    name: 'publication',
    each: routes,
    compute: (key, read) => {
      const found = read.get(routes, key);
      const rules = read.get(resolved, key);
      return found && rules && publishRoute(published(found), read.get(attachments, key)?.attachments ?? [], rules);
    },
  });
  const claims = engine.stage({
    name: 'claims',
    each: routes,
    compute: (key, read) => {
      const found = read.get(routes, key);
      const rules = read.get(resolved, key);
      return found && rules && claimsOf(published(found), read.get(attachments, key)?.attachments ?? [], rules);
    },
  });
  const uses = createBackendUses(engine, publications, gateways.models, gateways.sets);
  const winnerOf = createWinnerLookup(engine, gateways, claims, createWinnerStage(engine, claims));
  return { routes, attachments, resolved, publications, claims, attached, winnerOf, ...uses };
}

function published({ route, spec }: ReadRoute): { route: RouteName; hostnames: readonly string[] } {
  return { route, hostnames: spec.hostnames };
}

function createReadStage(engine: Derivation, sources: Sources): Stage<ReadRoute> {
  const objects = engine.group<KnownObject>();
  for (const { kind } of routeKinds) {
    objects.feed(sources.objects(kind), (key, item) => [
      { group: toObjectKey({ ...parsePlaceKey(key), kind }), member: '', item },
    ]);
  }
  return engine.stage({
    name: 'route',
    each: objects,
    compute: (key, read): ReadRoute | undefined => {
      const [known] = read.list(objects, key);
      const row = known && routeKind(known.kind);
      if (known === undefined || row === undefined) return undefined;
      const { cluster, namespace, name, uid, object } = known;
      return {
        route: { kind: row.kind, cluster, namespace, name, createdAt: createdAt(object) },
        uid,
        generation: generation(object),
        spec: row.parse(object, namespace),
      };
    },
  });
}

function createAttachStages(
  engine: Derivation,
  references: ReferenceStages,
  gateways: GatewayStages,
  routes: Stage<ReadRoute>,
): Stage<AttachedRoute> {
  const wanted = engine.stage({
    name: 'wanted attachment',
    each: routes,
    compute: (key, read): WantedRoute | undefined => {
      const found = read.get(routes, key);
      if (found === undefined) return undefined;
      const { route, spec } = found;
      const kind = routeKind(route.kind)?.attachesAs ?? route.kind;
      const attachments = attachRoute(
        { ...route, kind, parentRefs: spec.parentRefs, hostnames: spec.hostnames },
        (parent) => read.get(gateways.parents, parent),
        (namespace) => labelsOfNamespace(references, read, route.cluster, namespace),
      );
      const accepted = routeFault(spec) === undefined;
      return {
        route,
        ...(spec.type === 'http' ? { speech: spec.protocol ?? 'http' } : {}),
        accepted,
        attachments,
      };
    },
  });
  const keepApart = createRivalStages(engine, wanted);
  return engine.stage({
    name: 'attachment',
    each: wanted,
    compute: (key, read) => {
      const one = read.get(wanted, key);
      return one && { accepted: one.accepted, attachments: keepApart(key, one, read) };
    },
  });
}

/** Counts the accepted routes, whatever the listener's own state (ListenerStatus.attachedRoutes). */
function attachedListeners(key: string, { accepted, attachments }: AttachedRoute): readonly Membership<true>[] {
  if (!accepted) return [];
  return attachments.flatMap(({ gateway, listeners }) =>
    listeners.map(({ name }) => ({ group: `${gateway} ${name}`, member: key, item: true as const })),
  );
}

function createWinnerStage(engine: Derivation, claims: Stage<readonly Claim[]>): Stage<RuleName> {
  const byGround = engine.group<Claimant>().feed(claims, (key, list) =>
    list.map(({ ground, claimant, match }) => ({
      group: ground,
      member: `${key} ${claimant.rule.index} ${match}`,
      item: claimant,
    })),
  );
  return engine.stage({
    name: 'winning rule',
    compute: (key, read) => winningRule(read.list(byGround, key)),
  });
}
