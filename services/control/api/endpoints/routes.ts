// GET /routes: every route of the fleet, whether its gateways accept it or why not, and who changed it last.
import { sql } from 'kysely';
import { z } from 'zod';
import { kinds, kubernetesKind, serviceApisGroup } from '#libs/gateway/kinds.ts';
import { all } from '../gateway-rows.ts';
import {
  type Condition,
  type ParentRef,
  parseOlderStatus,
  parseRoute,
  parseRouteStatus,
  parseRuleHostnames,
} from '../kube-fields.ts';
import { fleetRoute, pageOf } from '#libs/api/models.ts';
import {
  clusterName,
  cursor,
  likePattern,
  limit,
  namespaceName,
  parseCursor,
  plainText,
  search,
  toPage,
  yesOrNo,
} from '../parameters.ts';
import { Problem } from '#libs/api/problem.ts';
import { defineRoute } from '../endpoint.ts';
import { parsePlaceKey, toPlaceKey } from '#libs/gateway/object-key.ts';

interface Row {
  readonly cluster: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly seq: string;
  readonly manager: string | null;
  readonly operation: string | null;
  readonly at: Date;
  readonly data: string;
  readonly status: unknown;
}

/** The kinds of the table that are routes. */
const routeKinds: readonly string[] = kinds
  .map(({ kind }) => kind)
  .filter((kind) => kubernetesKind(kind).endsWith('Route') || kind === 'Ingress');
const gatewayGroup = 'gateway.networking.k8s.io';

const filters = z.object({
  cluster: clusterName.optional(),
  kind: z.enum(routeKinds).optional(),
  namespace: namespaceName.optional(),
  gateway: z
    .string()
    .regex(/^[-a-z0-9]{1,63}\/[-a-z0-9]{1,63}\/[-a-z0-9.]{1,253}$/, 'must be cluster/namespace/name')
    .optional()
    .describe('Routes that name this gateway as parent and that it says something about.'),
  accepted: yesOrNo.describe('false = not accepted by a gateway, or accepted by none.'),
  manager: plainText.optional().describe('Who changed it last.'),
  q: search.describe('Text that its name, hostnames or any other part of it contains.'),
  limit: limit(),
  after: cursor,
});

export const listRoutes = defineRoute({
  method: 'GET',
  path: '/routes',
  role: 'viewer',
  tag: 'fleet',
  summary: 'Every route of the fleet: accepted or why not, last changed by whom and when',
  input: z.object({
    query: filters,
  }),
  returns: pageOf(fleetRoute),
  async handle(api, { query }) {
    const after = parseCursor(query.after, 4);
    if (after === null) return new Problem('bad-request', 'query.after: not a cursor');
    const { rows } = await sql<Row>`
      select o.cluster, o.kind, o.namespace, o.name, o.seq, o.manager, o.operation, o.at, o.data, s.status
        from objects o
        left join statuses s on s.cluster = o.cluster and s.kind = o.kind and s.namespace = o.namespace and s.name = o.name
       where ${all([...conditionsOf(query), after && sql`(o.cluster, o.kind, o.namespace, o.name) > (${sql.join([...after])})`])}
       order by o.cluster, o.kind, o.namespace, o.name limit ${query.limit + 1}`.execute(api.db);
    return toPage(rows, query.limit, toRoute, ({ cluster, kind, namespace, name }) => [cluster, kind, namespace, name]);
  },
});

function conditionsOf(query: z.output<typeof filters>) {
  const pattern = query.q === undefined ? undefined : likePattern(query.q);
  const gateway = query.gateway === undefined ? undefined : parsePlaceKey(query.gateway);
  return [
    sql`o.kind = any(${query.kind === undefined ? [...routeKinds] : [query.kind]})`,
    query.cluster && sql`o.cluster = ${query.cluster}`,
    query.namespace && sql`o.namespace = ${query.namespace}`,
    query.manager && sql`o.manager = ${query.manager}`,
    pattern && sql`(o.cluster || '/' || o.namespace || '/' || o.name ilike ${pattern} or o.data ilike ${pattern})`,
    gateway &&
      sql`o.cluster = ${gateway.cluster} and exists (
        select 1 from jsonb_array_elements(${parents}) p, lateral (select coalesce(p->'parentRef', p->'gatewayRef') as ref) r
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

function toRoute(row: Row): z.input<typeof fleetRoute> {
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
    seq: row.seq,
    generation: metadata.generation,
  };
}

function parentsOf(row: Row, refs: readonly ParentRef[]): z.input<typeof fleetRoute>['parents'] {
  const said = parseRouteStatus(row.status);
  return refs.map((ref) => {
    const status = said.find(({ parentRef }) => sameParent(parentRef, ref, row.namespace));
    return toParent(row, ref, status?.conditions);
  });
}

/** Routes of older APIs name no parents: which they have is told by the status. */
function olderParents(row: Row): z.input<typeof fleetRoute>['parents'] {
  const said = row.kind === 'Ingress' ? parseRouteStatus(row.status) : parseOlderStatus(row.status);
  return said.map(({ parentRef, conditions }) => toParent(row, parentRef, conditions));
}

function isOlder(kind: string): boolean {
  return kind === 'Ingress' || kind.endsWith(serviceApisGroup);
}

function toParent(
  row: Row,
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

function nobody(kind: string, parents: readonly unknown[]): string {
  if (isOlder(kind)) return 'no gateway of Fleetgate serves it';
  return parents.length === 0 ? 'it names no parent' : 'none of its parents is a gateway of Fleetgate';
}

/** Conditions that are good when True. */
function problemsOf({ conditions }: { readonly conditions: readonly Condition[] }): string[] {
  return conditions
    .filter(({ type, status }) => ['Accepted', 'ResolvedRefs', 'Programmed'].includes(type) && status !== 'True')
    .map(({ reason, message }) => (message === '' ? reason : `${reason}: ${message}`));
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
