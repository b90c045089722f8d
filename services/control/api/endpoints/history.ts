// Answers GET /objects/…/history, GET /history?gateway= and GET /events.
import { endpoints } from '#libs/api/endpoints.ts';
import { Problem } from '#libs/api/problem.ts';
import { toPlaceKey } from '#libs/gateway/object-key.ts';
import { serve } from '../endpoint.ts';
import { noGateway } from '../../not-found.ts';
import { badCursor, parseCursor, toPage } from '../page.ts';
import { readCauses, readEvents, readObjectEvents, toEvent, toObjectEvent } from '../reads/events.ts';
import { findGateway } from '../reads/gateways.ts';
import { readSnapshots, toSnapshot } from '../reads/snapshots.ts';

export const readObjectHistory = serve(endpoints.readObjectHistory, async (api, { params, query }) => {
  const key = parseCursor(query.after, 1);
  if (key === null || !isSeq(key?.[0])) return badCursor;
  const object = { ...params, namespace: params.namespace === '-' ? '' : params.namespace };
  const rows = await readObjectEvents(api.db, object, key?.[0], query.limit);
  if (rows.length === 0 && key === undefined) {
    const { kind, cluster, namespace, name } = params;
    return new Problem('not-found', `the history has no ${kind} ${toPlaceKey({ cluster, namespace, name })}`);
  }
  return toPage(rows, query.limit, toObjectEvent, ({ seq }) => [seq]);
});

export const readGatewayHistory = serve(endpoints.readGatewayHistory, async (api, { query }) => {
  const { gateway, after, limit } = query;
  const key = parseCursor(after, 1);
  if (key === null || !isSeq(key?.[0])) return badCursor;
  const rows = await readSnapshots(api.db, gateway, Number(key?.[0] ?? Number.NaN), limit);
  if (rows.length === 0 && (await findGateway(api.db, gateway)) === undefined) return noGateway(gateway);
  const causes = await readCauses(api.db, gateway, rows.slice(0, limit));
  return toPage(
    rows,
    limit,
    (row) => ({ snapshot: toSnapshot(row), events: (causes.get(row.version) ?? []).map(toEvent) }),
    ({ version }) => [String(version)],
  );
});

export const listEvents = serve(endpoints.listEvents, async (api, { query }) => {
  const rows = await readEvents(api.db, query);
  const shown = rows.slice(0, query.limit);
  return { items: shown.map(toEvent), next: rows.length > query.limit ? (shown.at(-1)?.seq ?? null) : null };
});

function isSeq(text: string | undefined): boolean {
  return text === undefined || /^\d{1,18}$/.test(text);
}
