// Answers GET /objects/…/history, GET /history?gateway= and GET /events.
import { endpoints } from '#libs/api/endpoints.ts';
import { Problem } from '#libs/api/problem.ts';
import { type ObjectName, toPlaceKey } from '#libs/gateway/object-key.ts';
import { serve } from '../endpoint.ts';
import { noGateway } from '../../not-found.ts';
import { badCursor, encodeCursor, parseCursor, parseNumberCursor, toPage, versionDigitsMax } from '../page.ts';
import { absentPlace } from '../reads/absent-place.ts';
import { type BlamePlace, readBlame } from '../reads/object-blame.ts';
import {
  readCauses,
  readEvents,
  readObjectEvents,
  toEvent,
  toEventWithBodies,
  toObjectEvent,
} from '../reads/events.ts';
import { findGateway } from '../reads/gateways.ts';
import { readSnapshots, toSnapshot } from '../reads/snapshots.ts';

const seqDigitsMax = 18;
const bodiesMax = 100;

export const readObjectHistory = serve(endpoints.readObjectHistory, async (api, { params, query }) => {
  const key = parseNumberCursor(query.after, seqDigitsMax);
  if (key === null) return badCursor;
  const object = objectOfPath(params);
  const rows = await readObjectEvents(api.db, object, key, query.limit);
  if (rows.length === 0 && key === undefined) return noHistory(params);
  return toPage(rows, query.limit, toObjectEvent, ({ seq }) => [seq]);
});

export const readObjectBlame = serve(endpoints.readObjectBlame, async (api, { params, query }) => {
  const place = parseBlamePlace(query.after);
  if (place === null) return badCursor;
  const object = objectOfPath(params);
  const page = await readBlame(api.db, object, place);
  if (page === undefined) return place === undefined ? noHistory(object) : badCursor;
  const { next, ...told } = page;
  return { ...told, next: next === null ? null : blameCursor(next) };
});

export const readGatewayHistory = serve(endpoints.readGatewayHistory, async (api, { query }) => {
  const { gateway, after, limit } = query;
  const key = parseNumberCursor(after, versionDigitsMax);
  if (key === null) return badCursor;
  const rows = await readSnapshots(api.db, gateway, Number(key ?? Number.NaN), limit);
  if (rows.length === 0 && (await findGateway(api.db, gateway)) === undefined) return noGateway(gateway);
  const causes = await readCauses(api.db, gateway, rows.slice(0, limit));
  return toPage(
    rows,
    limit,
    (row) => ({ snapshot: toSnapshot(row), events: (causes.get(row.version) ?? []).map(toEvent) }),
    ({ version }) => [String(version)],
  );
});

export const listEvents = serve(endpoints.listEvents, async (api, { query }, caller) => {
  const managers = query.manager === undefined ? undefined : await api.personal.namesOf(query.manager, caller);
  const by = query.by === undefined ? undefined : await api.personal.namesOf(query.by, caller);
  const { after, order, limit, bodies, manager: _, ...about } = query;
  const isWithBodies = bodies === 'true';
  const { rows, next } = await readEvents(
    api.db,
    { ...about, managers, by },
    { after, order, limit: isWithBodies ? Math.min(limit, bodiesMax) : limit },
    isWithBodies ? 'with bodies' : 'without bodies',
  );
  if (rows.length === 0 && next === null) {
    // What is gone from a namespace is in the history all the same.
    const absent = await absentPlace(api.db, { cluster: query.cluster });
    if (absent !== undefined) return absent;
  }
  return { items: rows.map(isWithBodies ? toEventWithBodies : toEvent), next };
});

function noHistory({ kind, ...place }: ObjectName): Problem {
  return new Problem('not-found', `the history has no ${kind} ${toPlaceKey(place)}`);
}

/** Reads the parts of a path, where `-` stands for no namespace. */
function objectOfPath(params: ObjectName): ObjectName {
  return { ...params, namespace: params.namespace === '-' ? '' : params.namespace };
}

function blameCursor({ of, next, deleted, open }: BlamePlace): string {
  return encodeCursor([of, next, deleted ? 'deleted' : '', open]);
}

/** Reads the cursor of a blame; undefined = from the start, null = not one of ours. */
function parseBlamePlace(text: string | undefined): BlamePlace | undefined | null {
  const key = parseCursor(text, 4);
  if (key === undefined || key === null) return key;
  const [of = '', next = '', deleted = '', open = ''] = key;
  return isSeq(of) && isSeq(next) ? { of, next, deleted: deleted !== '', open } : null;
}

function isSeq(text: string): boolean {
  return text.length <= seqDigitsMax && /^\d+$/.test(text);
}
