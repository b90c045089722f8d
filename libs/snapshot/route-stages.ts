// Stages for HTTPRoutes: read, attach, resolve, publish, and claim what they match.
import { type HttpRoute, parseHttpRoute } from '#libs/gateway/http-route.ts';
import { createdAt, generation } from '#libs/gateway/metadata.ts';
import { attachRoute, type Attachment } from '#libs/snapshot/attach.ts';
import type { Derivation, Group, Membership, Stage } from '#libs/snapshot/derive.ts';
import type { HttpRuleEntry, StoredEntry } from '#libs/snapshot/entry.ts';
import type { GatewayStages } from '#libs/snapshot/gateway-stages.ts';
import {
  type Claim,
  claimsOf,
  type Publication,
  publishRoute,
  type RuleName,
  winningRule,
} from '#libs/snapshot/publish.ts';
import { backendLookup, labelsOfNamespace, type ReferenceStages } from '#libs/snapshot/reference-stages.ts';
import { type ResolvedRules, resolveRules } from '#libs/snapshot/resolve-rules.ts';
import { routeFault } from '#libs/snapshot/route-status.ts';
import type { Sources } from '#libs/snapshot/sources.ts';
import { encodeEntry } from '#libs/snapshot/stored-entry.ts';

export interface ReadRoute {
  readonly route: HttpRuleEntry['route'];
  readonly uid: string;
  readonly generation: number;
  readonly spec: HttpRoute;
}

export interface AttachedRoute {
  /** Whether its own content lets it be accepted. */
  readonly accepted: boolean;
  readonly attachments: readonly Attachment[];
}

export interface RouteStages {
  readonly routes: Stage<ReadRoute>;
  readonly attachments: Stage<AttachedRoute>;
  readonly resolved: Stage<ResolvedRules>;
  readonly publications: Stage<readonly Publication[]>;
  readonly claims: Stage<readonly Claim[]>;
  /** Keys: Claim.ground. */
  readonly winners: Stage<RuleName>;
  /** Groups: `gateway listener`; members are the accepted routes. */
  readonly attached: Group<true>;
  /** Groups: `cluster/namespace/service`; members are the gateways with a route that refers to it. */
  readonly referringGateways: Group<string>;
  /** Keys: `gateway entry-key`. */
  readonly usedBackends: Stage<StoredEntry>;
}

/** Makes the stages. Keys are `cluster/namespace/name` of the route where nothing else is said. */
export function createRouteStages(
  engine: Derivation,
  sources: Sources,
  references: ReferenceStages,
  gateways: GatewayStages,
): RouteStages {
  const routes = createReadStage(engine, sources);
  const attachments = createAttachStage(engine, references, gateways, routes);
  const attached = engine.group<true>().feed(attachments, attachedListeners);
  const resolved = engine.stage({
    name: 'resolved rules',
    each: routes,
    compute: (key, read) => {
      const found = read.get(routes, key);
      return found && resolveRules(found.spec, found.route, backendLookup(references, read));
    },
  });
  const publications = engine.stage({
    name: 'publication',
    each: routes,
    compute: (key, read) => {
      const found = read.get(routes, key);
      const rules = read.get(resolved, key);
      return found && rules && publishRoute(found.route, read.get(attachments, key)?.attachments ?? [], rules);
    },
  });
  const claims = engine.stage({
    name: 'claims',
    each: routes,
    compute: (key, read) => {
      const found = read.get(routes, key);
      const rules = read.get(resolved, key);
      return found && rules && claimsOf(found.route, read.get(attachments, key)?.attachments ?? [], rules);
    },
  });
  const referringGateways = engine.group<string>().feed(publications, referencesOf);
  const usedBackends = createUsedBackendStage(engine, references, publications);
  return {
    routes,
    attachments,
    resolved,
    publications,
    claims,
    attached,
    usedBackends,
    referringGateways,
    winners: createWinnerStage(engine, claims),
  };
}

function createReadStage(engine: Derivation, sources: Sources): Stage<ReadRoute> {
  return engine.stage({
    name: 'http route',
    each: sources.objects('HTTPRoute'),
    compute: (key, read): ReadRoute | undefined => {
      const known = read.get(sources.objects('HTTPRoute'), key);
      if (known === undefined) return undefined;
      const { cluster, namespace, name, uid, object } = known;
      return {
        route: { kind: 'HTTPRoute', cluster, namespace, name, createdAt: createdAt(object) },
        uid,
        generation: generation(object),
        spec: parseHttpRoute(object, namespace),
      };
    },
  });
}

function createAttachStage(
  engine: Derivation,
  references: ReferenceStages,
  gateways: GatewayStages,
  routes: Stage<ReadRoute>,
): Stage<AttachedRoute> {
  return engine.stage({
    name: 'attachment',
    each: routes,
    compute: (key, read) => {
      const found = read.get(routes, key);
      if (found === undefined) return undefined;
      const { route, spec } = found;
      const attachments = attachRoute(
        { ...route, parentRefs: spec.parentRefs, hostnames: spec.hostnames },
        (parent) => read.get(gateways.parents, parent),
        (namespace) => labelsOfNamespace(references, read, route.cluster, namespace),
      );
      return { accepted: routeFault(spec) === undefined, attachments };
    },
  });
}

/** Counted are the accepted routes, whatever the listener's own state (ListenerStatus.attachedRoutes). */
function attachedListeners(key: string, { accepted, attachments }: AttachedRoute): readonly Membership<true>[] {
  if (!accepted) return [];
  return attachments.flatMap(({ gateway, listeners }) =>
    listeners.map(({ name }) => ({ group: `${gateway} ${name}`, member: key, item: true as const })),
  );
}

function referencesOf(key: string, publications: readonly Publication[]): readonly Membership<string>[] {
  const cluster = key.slice(0, key.indexOf('/'));
  return publications.flatMap(({ gateway, services }) =>
    services.map((service) => ({ group: `${cluster}/${service}`, member: `${gateway} ${key}`, item: gateway })),
  );
}

function createUsedBackendStage(
  engine: Derivation,
  references: ReferenceStages,
  publications: Stage<readonly Publication[]>,
): Stage<StoredEntry> {
  const uses = engine
    .group<true>()
    .feed(publications, (key, list) =>
      list.flatMap(({ gateway, backends }) =>
        backends.map((backend) => ({ group: `${gateway} ${backend}`, member: key, item: true as const })),
      ),
    );
  return engine.stage({
    name: 'used backend',
    each: uses,
    compute: (key, read) => {
      if (!read.has(uses, key)) return undefined;
      const place = key.slice(key.indexOf(' backend/') + ' backend/'.length);
      const found = read.get(references.backends, place);
      return found !== undefined && 'entry' in found ? encodeEntry(found.entry) : undefined;
    },
  });
}

function createWinnerStage(engine: Derivation, claims: Stage<readonly Claim[]>): Stage<RuleName> {
  const byGround = engine
    .group<Claim>()
    .feed(claims, (key, list) =>
      list.map((claim) => ({ group: claim.ground, member: `${key} ${claim.rule.index} ${claim.match}`, item: claim })),
    );
  return engine.stage({
    name: 'winning rule',
    compute: (key, read) => winningRule(read.list(byGround, key)),
  });
}
