// Answers GET …/snapshots, GET of one of them with its entries, and GET …/diff between two.
import { parseJson } from '#libs/gateway/fields/parse-json.ts';
import { endpoints } from '#libs/api/endpoints.ts';
import { toPlaceKey } from '#libs/gateway/object-key.ts';
import { toEndpointsKey } from '#libs/snapshot/discovery-key.ts';
import { parseEntryKey } from '#libs/snapshot/entry-key.ts';
import { serve } from '../endpoint.ts';
import { badCursor, parseCursor, parseNumberCursor, toPage, versionDigitsMax } from '../page.ts';
import { findGateway } from '../reads/gateways.ts';
import { readDiff, toEntryChange } from '../reads/snapshot-diff.ts';
import { readReady } from '../../unready.ts';
import { readEntries, readSnapshots, toSnapshot } from '../reads/snapshots.ts';
import { noGateway, noVersion } from '../../not-found.ts';

export const listSnapshots = serve(endpoints.listSnapshots, async (api, { params, query }) => {
  const gateway = toPlaceKey(params);
  const key = parseNumberCursor(query.after, versionDigitsMax);
  if (key === null) return badCursor;
  const rows = await readSnapshots(api.db, gateway, Number(key ?? Number.NaN), query.limit);
  if (rows.length === 0 && (await findGateway(api.db, gateway)) === undefined) return noGateway(gateway);
  return toPage(rows, query.limit, toSnapshot, ({ version }) => [String(version)]);
});

export const readSnapshot = serve(endpoints.readSnapshot, async (api, { params, query }) => {
  const gateway = toPlaceKey(params);
  const key = parseCursor(query.after, 1);
  if (key === null) return badCursor;
  const [row] = await readSnapshots(api.db, gateway, params.version + 1, 1);
  if (row?.version !== params.version) return noVersion(gateway, params.version);
  const entries = await readEntries(api.db, gateway, params.version, key?.[0] ?? '', query.limit);
  const keys = entries.flatMap(({ key }) => endpointsKeyOf(key) ?? []);
  const counts = await readReady(api.db, keys);
  const readyOf = (endpoints: string | null): number | null =>
    endpoints === null ? null : (counts.get(endpoints) ?? 0);
  const page = toPage(
    entries,
    query.limit,
    ({ key, hash, json }) => ({ key, hash, entry: parseJson(json), ready: readyOf(endpointsKeyOf(key)) }),
    ({ key }) => [key],
  );
  return { ...toSnapshot(row), ...page };
});

/** Gives the discovery key of a backend's endpoints; null = the entry is no backend. */
function endpointsKeyOf(key: string): string | null {
  const name = parseEntryKey(key);
  return name?.type === 'backend' ? toEndpointsKey(name.port) : null;
}

export const diffSnapshots = serve(endpoints.diffSnapshots, async (api, { params, query }) => {
  const gateway = toPlaceKey(params);
  const key = parseCursor(query.after, 1);
  if (key === null) return badCursor;
  const found = await findGateway(api.db, gateway);
  if (found === undefined) return noGateway(gateway);
  const to = query.to ?? found.serving;
  const from = query.from ?? Math.max(0, to - 1);
  for (const version of [from, to]) if (version > found.head) return noVersion(gateway, version);
  const { counts, rows } = await readDiff(api.db, gateway, { from, to }, key?.[0] ?? '', query.limit);
  return { gateway, from, to, ...counts, ...toPage(rows, query.limit, toEntryChange, (row) => [row.key]) };
});
