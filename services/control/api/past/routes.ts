// Makes of route objects as they were what the API shows, with the gateways whose serving version had rules of them.
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { routeThen } from '#libs/api/models/past.ts';
import { parsePlaceKey } from '#libs/gateway/object-key.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { type FactsOfEvent, noFacts, readFacts } from '../reads/attribution.ts';
import { toRoute } from '../reads/routes.ts';
import type { ObjectThen } from './objects.ts';

type RouteThen = z.input<typeof routeThen>;
type Served = RouteThen['servedBy'][number];

/** Tells whether a route named a gateway as its parent. */
export function namesGateway(object: ObjectThen, gateway: string): boolean {
  return shownRoute(object, noFacts).parents.some((parent) => parent.gateway === gateway);
}

/** Makes the routes, in their order. `gateways` are those of the moment with the versions that served. */
export async function toRoutesThen(
  db: Kysely<Database>,
  objects: readonly ObjectThen[],
  gateways: readonly { readonly gateway: string; readonly serving: number }[],
): Promise<readonly RouteThen[]> {
  const served = await readServed(db, objects, gateways);
  const facts = await readFacts(
    db,
    objects.map(({ seq }) => seq),
  );
  return objects.map((object, index) => {
    const { accepted: _, problems: __, parents, ...route } = shownRoute(object, facts.get(object.seq) ?? noFacts);
    const named = parents.map(({ accepted: ___, conditions: ____, ...parent }) => parent);
    return { ...route, parents: named, servedBy: [...(served.get(index) ?? [])] };
  });
}

function shownRoute(object: ObjectThen, facts: FactsOfEvent): ReturnType<typeof toRoute> {
  return toRoute({ ...object, ...facts, data: objectText(object.data), status: null });
}

/** Gives the text of the object in the text of its event. */
function objectText(event: string): string {
  const { object }: { readonly object?: unknown } = JSON.parse(event);
  return JSON.stringify(object ?? null);
}

/** Reads by place in the list which gateways served the routes: those of the same cluster are looked at. */
async function readServed(
  db: Kysely<Database>,
  objects: readonly ObjectThen[],
  gateways: readonly { readonly gateway: string; readonly serving: number }[],
): Promise<ReadonlyMap<number, readonly Served[]>> {
  const { rows } = await sql<Served & { readonly place: number }>`
    select r.place::int - 1 as place, g.gateway, g.version
      from unnest(${objects.map(({ cluster }) => cluster)}::text[],
                  ${objects.map(({ kind, namespace, name }) => `rule/${kind}/${namespace}/${name}/`)}::text[])
             with ordinality as r(cluster, prefix, place)
      join unnest(${gateways.map(({ gateway }) => parsePlaceKey(gateway).cluster)}::text[],
                  ${gateways.map(({ gateway }) => gateway)}::text[],
                  ${gateways.map(({ serving }) => serving)}::int[]) as g(cluster, gateway, version)
        on g.cluster = r.cluster,
           lateral (
             with recursive keys(key) as (
               select first.key from (
                 select c.key from snapshot_changes c where c.gateway = g.gateway and c.key >= r.prefix
                  order by c.key limit 1) first
                where starts_with(first.key, r.prefix)
               union all
               select next.key from keys k, lateral (
                 select c.key from snapshot_changes c where c.gateway = g.gateway and c.key > k.key
                  order by c.key limit 1) next
                where starts_with(next.key, r.prefix))
             select 1 from keys k, lateral (
               select c.hash from snapshot_changes c
                where c.gateway = g.gateway and c.key = k.key and c.version <= g.version
                order by c.version desc limit 1) newest
              where newest.hash is not null limit 1) rules
     order by r.place, g.gateway`.execute(db);
  const byPlace = Map.groupBy(rows, ({ place }) => place);
  return new Map(
    [...byPlace].map(([place, found]) => [place, found.map(({ gateway, version }) => ({ gateway, version }))]),
  );
}
