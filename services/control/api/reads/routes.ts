// Reads the routes of the fleet with what their statuses say: which parents accept them, and why others do not.
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { endpoints } from '#libs/api/endpoints.ts';
import type { fleetRoute } from '#libs/api/models/route.ts';
import { routeKinds } from '#libs/api/parameters.ts';
import { serviceApisGroup } from '#libs/gateway/kinds.ts';
import { parsePlaceKey, toNamespacedKey, toPlaceKey } from '#libs/gateway/object-key.ts';
import type { Database, Row } from '#libs/runtime/postgres/database.ts';
import { badConditions, problemText } from '#libs/api/bad-conditions.ts';
import { type FactsOfEvent, factColumns, toAttribution } from './attribution.ts';
import { all, likePattern } from './conditions.ts';
import {
  type Condition,
  type ParentRef,
  parseOlderStatus,
  parseRoute,
  parseRouteStatus,
  parseRuleHostnames,
} from './kube-fields.ts';

type RouteFilter = z.output<typeof endpoints.listRoutes.input>['query'];

interface RouteRow extends Omit<Row<'objects'>, 'uid' | 'hash'>, FactsOfEvent {
  readonly status: unknown;
  readonly recorded_at: Date;
}

const gatewayGroup = 'gateway.networking.k8s.io';

/** Reads rows in the order of cluster, kind, namespace and name; one more than the limit when there is more. */
export async function readRoutes(
  db: Kysely<Database>,
  filter: RouteFilter,
  after: readonly string[] | undefined,
): Promise<readonly RouteRow[]> {
  const isAfter = after && sql`(o.cluster, o.kind, o.namespace, o.name) > (${sql.join([...after])})`;
  const { rows } = await sql<RouteRow>`
    select o.cluster, o.kind, o.namespace, o.name, o.seq, o.manager, o.operation, o.at, o.data, s.status,
           coalesce(e.recorded_at, o.at) as recorded_at, ${factColumns}
      from objects o
      left join events e on e.seq = o.seq
      left join statuses s
        on s.cluster = o.cluster and s.kind = o.kind and s.namespace = o.namespace and s.name = o.name
     where ${all([...conditionsOf(filter), isAfter])}
     order by o.cluster, o.kind, o.namespace, o.name limit ${filter.limit + 1}`.execute(db);
  return rows;
}

function conditionsOf(query: RouteFilter) {
  const pattern = likePattern(query.q);
  const gateway = query.gateway === undefined ? undefined : parsePlaceKey(query.gateway);
  return [
    sql`o.kind = any(${query.kind === undefined ? [...routeKinds] : [query.kind]})`,
    query.cluster && sql`o.cluster = ${query.cluster}`,
    query.namespace && sql`o.namespace = ${query.namespace}`,
    query.manager && sql`o.manager = ${query.manager}`,
    pattern && sql`(o.cluster || '/' || o.namespace || '/' || o.name ilike ${pattern} or o.data ilike ${pattern})`,
    gateway &&
      sql`o.cluster = ${gateway.cluster} and exists (
        select 1 from jsonb_array_elements(${parents}) p,
                      lateral (select coalesce(p->'parentRef', p->'gatewayRef') as ref) r
         where r.ref->>'name' = ${gateway.name} and coalesce(r.ref->>'namespace', o.namespace) = ${gateway.namespace})`,
    query.accepted && (query.accepted === 'true' ? accepted : sql`not ${accepted}`),
  ];
}

/** Routes of Service APIs have `gateways`. */
const parents = sql`coalesce(s.status->'parents', s.status->'gateways')`;
const accepted = sql`(coalesce(jsonb_array_length(${parents}), 0) > 0 and not exists (
  select 1 from jsonb_array_elements(${parents}) p
   where not coalesce(p->'conditions' @> '[{"type":"Accepted","status":"True"}]', false)
     and not coalesce(p->'conditions' @> '[{"type":"Admitted","status":"True"}]', false)))`;

/** Makes of a row what the API shows. */
export function toRoute(row: RouteRow): z.input<typeof fleetRoute> {
  const { metadata, spec } = parseRoute(row.data);
  const parents = isOlder(row.kind) ? olderParents(row) : parentsOf(row, spec.parentRefs);
  const verdicts = parents.flatMap(({ accepted }) => (accepted === null ? [] : [accepted]));
  return {
    cluster: row.cluster,
    kind: row.kind,
    namespace: row.namespace,
    name: row.name,
    hostnames: spec.hostnames.length === 0 ? parseRuleHostnames(row.data) : spec.hostnames,
    rules: spec.rules.length,
    parents,
    accepted: verdicts.length === 0 ? null : verdicts.every(Boolean),
    problems: verdicts.length === 0 ? [nobody(row.kind, parents)] : [...new Set(parents.flatMap(problemsOf))],
    changedBy: row.manager === null ? null : { manager: row.manager, operation: row.operation ?? '' },
    changedAt: row.at.toISOString(),
    recordedAt: row.recorded_at.toISOString(),
    seq: row.seq,
    generation: metadata.generation,
    ...toAttribution({ ...row, type: 'applied' }),
  };
}

function parentsOf(row: RouteRow, refs: readonly ParentRef[]): z.input<typeof fleetRoute>['parents'] {
  const said = parseRouteStatus(row.status);
  return refs.map((ref) => {
    const status = said.find(({ parentRef }) => sameParent(parentRef, ref, row.namespace));
    return toParent(row, ref, status?.conditions);
  });
}

/** Takes the parents from the status, because routes of older APIs name none. */
function olderParents(row: RouteRow): z.input<typeof fleetRoute>['parents'] {
  const said = row.kind === 'Ingress' ? parseRouteStatus(row.status) : parseOlderStatus(row.status);
  return said.map(({ parentRef, conditions }) => toParent(row, parentRef, conditions));
}

function isOlder(kind: string): boolean {
  return kind === 'Ingress' || kind.endsWith(serviceApisGroup);
}

function toParent(
  row: RouteRow,
  ref: ParentRef,
  conditions: Condition[] | undefined,
): z.input<typeof fleetRoute>['parents'][number] {
  const kind = ref.kind ?? 'Gateway';
  const namespace = ref.namespace ?? row.namespace;
  const isGateway = kind === 'Gateway' && (ref.group ?? gatewayGroup) === gatewayGroup;
  return {
    kind,
    namespace,
    name: ref.name,
    sectionName: ref.sectionName,
    port: ref.port,
    gateway: isGateway ? toPlaceKey({ cluster: row.cluster, namespace, name: ref.name }) : null,
    accepted: conditions === undefined ? null : conditions.some(isAccepted),
    conditions: conditions ?? [],
  };
}

function isAccepted({ type, status }: Condition): boolean {
  return type === 'Accepted' && status === 'True';
}

function nobody(kind: string, parents: z.input<typeof fleetRoute>['parents']): string {
  if (isOlder(kind)) return 'no gateway of Fleetgate serves it';
  if (parents.length === 0) return 'it names no parent (spec.parentRefs)';
  const names = new Set(parents.map((parent) => `${parent.kind} ${toNamespacedKey(parent)}`));
  return `none of its parents is a gateway of Fleetgate: ${[...names].join(', ')} (missing, or of another class)`;
}

/** Lists what does not work, or works only in part. */
function problemsOf({ conditions }: { readonly conditions: readonly Condition[] }): string[] {
  return badConditions(conditions).map(problemText);
}

function sameParent(a: ParentRef, b: ParentRef, namespace: string): boolean {
  return (
    a.name === b.name &&
    (a.namespace ?? namespace) === (b.namespace ?? namespace) &&
    (a.kind ?? 'Gateway') === (b.kind ?? 'Gateway') &&
    a.sectionName === b.sectionName &&
    a.port === b.port
  );
}
