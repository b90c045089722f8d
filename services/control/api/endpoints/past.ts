// Answers GET /at/routes and GET /at/gateways: the fleet as it was.
import type { Kysely } from 'kysely';
import type { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import type { moment } from '#libs/api/models/past.ts';
import { routeKinds } from '#libs/api/parameters.ts';
import { Problem } from '#libs/api/problem.ts';
import { parsePlaceKey } from '#libs/gateway/object-key.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { serve } from '../endpoint.ts';
import { badCursor, cutPage, parseCursor } from '../page.ts';
import { type GatewaysThen, readGatewaysThen } from '../past/gateways.ts';
import { type Moment, findMoment, readArchivedUntil } from '../past/moment.ts';
import { type ObjectThen, objectsThen } from '../past/objects.ts';
import { namesGateway, toRoutesThen } from '../past/routes.ts';
import { absentPlace } from '../reads/absent-place.ts';

const namedMax = 5;
const unknownOfRoutes = [
  'Whether gateways accepted a route, and what was wrong with it: statuses are not in the history.',
];
const unknownOfGateways = [
  'Which nodes served a version and which had rejected it: the history has no reports of nodes.',
  'Alarms, problems and limits: they are known of now only.',
];

export const listRoutesThen = serve(endpoints.listRoutesThen, async (api, { query }) => {
  const after = parseCursor(query.after, 4);
  if (after === null) return badCursor;
  const found = await momentOrProblem(api.db, query);
  if (found instanceof Problem) return found;
  const kinds = query.kind === undefined ? routeKinds : [query.kind];
  const { namespace, gateway, limit } = query;
  // A route's parents are in its own cluster.
  const cluster = query.cluster ?? (gateway === undefined ? undefined : parsePlaceKey(gateway).cluster);
  const rows: ObjectThen[] = [];
  for await (const row of objectsThen(api.db, { seq: found.seq, cluster, kinds, namespace, after })) {
    if (gateway !== undefined && !namesGateway(row, gateway)) continue;
    rows.push(row);
    if (rows.length > limit) break;
  }
  const { shown, next } = cutPage(rows, limit, (row) => [row.cluster, row.kind, row.namespace, row.name]);
  const gateways = await readGatewaysThen(api.db, found.seq, { cluster });
  const items = [...(await toRoutesThen(api.db, shown, gateways.items))];
  return { items, next, moment: await toMoment(api.db, query.at, found, gateways, unknownOfRoutes) };
});

export const listGatewaysThen = serve(endpoints.listGatewaysThen, async (api, { query }) => {
  const after = parseCursor(query.after, 1);
  if (after === null) return badCursor;
  const found = await momentOrProblem(api.db, query);
  if (found instanceof Problem) return found;
  const { cluster, gateway } = query;
  const all = await readGatewaysThen(api.db, found.seq, { cluster, gateway });
  const wanted = all.items.filter(({ deleted }) => !deleted || query.deleted === 'true');
  const from = after === undefined ? 0 : wanted.findIndex((one) => one.gateway === after[0]) + 1;
  const { shown, next } = cutPage(wanted.slice(from, from + query.limit + 1), query.limit, (one) => [one.gateway]);
  return { items: [...shown], next, moment: await toMoment(api.db, query.at, found, all, unknownOfGateways) };
});

async function momentOrProblem(
  db: Kysely<Database>,
  { at, cluster }: { readonly at: string; readonly cluster?: string | undefined },
): Promise<Moment | Problem> {
  const absent = await absentPlace(db, { cluster });
  if (absent !== undefined) return absent;
  const found = await findMoment(db, at);
  if (found !== undefined) return found;
  const until = await readArchivedUntil(db);
  const beyond = until === undefined ? '' : `; events up to #${until.last} may be in the archive ${until.place}`;
  return new Problem('not-found', `the history in the database has no ${at}${beyond}`);
}

async function toMoment(
  db: Kysely<Database>,
  asked: string,
  { seq, recordedAt }: Moment,
  { archived }: GatewaysThen,
  unknown: readonly string[],
): Promise<z.input<typeof moment>> {
  const until = await readArchivedUntil(db);
  const notKnown = [
    ...unknown,
    ...(until === undefined
      ? []
      : [
          `Events up to #${until.last} are in the archive ${until.place}: what had been changed last up to there, ` +
            'and changed or was deleted after the moment, is missing here.',
        ]),
    ...(archived.length === 0
      ? []
      : [`What ${archived.slice(0, namedMax).join(', ')} served: versions of that time are in the archive.`]),
  ];
  return { asked, seq, recordedAt: recordedAt?.toISOString() ?? null, archived: [...archived], notKnown };
}
