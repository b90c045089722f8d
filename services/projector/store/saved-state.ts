// Reads what Postgres holds in one consistent view when a projector takes over: position, clusters, and everything the
// projection knows.
import type { ClientBase } from 'pg';
import type { SealedMaterial } from '#libs/events/change-event.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { GatewayHead } from '#libs/projection/versions/gateway-head.ts';
import { type SavedNumbering, noRestores, savedNumbering } from '#libs/projection/versions/numbering.ts';
import { parseRestoreEvent } from '#libs/events/parse-restore-event.ts';
import type { RestoreEvent } from '#libs/events/restore-event.ts';
import type { SavedGateway, SavedObject } from '#libs/projection/versions/projection-change.ts';
import type { SealedItem } from '#libs/projection/model/delivery/sealed-item.ts';
import type { Row } from '#libs/runtime/postgres/database.ts';
import type { RegisteredCluster } from '../clusters/cluster-registry.ts';
import type { Checkpoint } from './commit.ts';
import { pagesOf } from './cursor.ts';
import { listenerHashes, portsOf, readPorts, readServedListeners } from './version-ports.ts';

interface SavedState {
  readonly checkpoint: Checkpoint;
  /** By name. */
  readonly clusters: ReadonlyMap<string, RegisteredCluster>;
  readonly objects: readonly SavedObject[];
  readonly slices: readonly SavedObject[];
  readonly sealed: readonly SealedItem[];
  readonly gateways: readonly SavedGateway[];
  readonly numbering: SavedNumbering;
}

const objectsQuery = `select cluster, hash, data from objects`;
const slicesQuery = `select cluster, hash, data from endpoint_slices`;
const sealedQuery = `select key, cluster, item from discovery where key like 'tls/%' and item is not null`;
// since: what nodes must have applied counts from the event that brought the Gateway's current spec.
const gatewaysQuery = `
  select g.gateway, g.cluster, g.namespace, g.name, g.head, g.serving, g.pinned, g.deleted, g.alarm, g.labels,
         g.uid, g.limits,
         coalesce(s.digest, '') as digest, case when spec.seq is null then null else coalesce(
           (select min(v.version) from snapshots v where v.gateway = g.gateway and v.seq >= spec.seq), g.head)
         end as since
    from gateways g
    left join snapshots s on s.gateway = g.gateway and s.version = g.head
    left join lateral (
      select * from objects one
       where one.kind in ('Gateway', 'Gateway.networking.x-k8s.io')
         and one.cluster = g.cluster and one.namespace = g.namespace and one.name = g.name
       order by one.kind limit 1) o on true
    left join lateral (
      select min(e.seq) as seq from events e
       where e.cluster = o.cluster and e.kind = o.kind and e.namespace = o.namespace and e.name = o.name
         and e.type = 'applied' and e.uid = o.uid
         and e.data::json #>> '{object,metadata,generation}'
             is not distinct from o.data::json #>> '{metadata,generation}') spec on true`;
// Steps from key to key along the index: the cost is that of the keys, however many versions have changed them.
const contentQuery = `
  with recursive keys as (
    (select gateway, key from snapshot_changes order by gateway, key limit 1)
    union all
    select n.gateway, n.key from keys k, lateral (
      select c.gateway, c.key from snapshot_changes c where (c.gateway, c.key) > (k.gateway, k.key)
       order by c.gateway, c.key limit 1) n)
  select k.gateway, k.key, newest.hash from keys k, lateral (
    select c.hash from snapshot_changes c where c.gateway = k.gateway and c.key = k.key
     order by c.version desc limit 1) newest
   where newest.hash is not null`;

interface GatewayRow extends GatewayHead {
  readonly digest: string;
  readonly since: number | null;
}

/** Reads everything. Nothing else may write meanwhile: the caller holds the lock and has raised the epoch. */
export async function readSavedState(client: ClientBase): Promise<SavedState> {
  await client.query('begin transaction isolation level repeatable read read only; set local enable_seqscan = on');
  try {
    return {
      checkpoint: await readCheckpoint(client),
      clusters: await readClusters(client),
      objects: await readObjects(client, objectsQuery),
      slices: await readObjects(client, slicesQuery),
      sealed: await readSealed(client),
      gateways: await readGateways(client),
      numbering: await readNumbering(client),
    };
  } finally {
    await client.query('rollback');
  }
}

async function readCheckpoint(client: ClientBase): Promise<Checkpoint> {
  const { rows } = await client.query<Pick<Row<'projector'>, 'stream_created' | 'stream_seq' | 'stream_stored_at'>>(
    'select stream_created, stream_seq, stream_stored_at from projector where id = 1',
  );
  const [row] = rows;
  return {
    streamCreated: row?.stream_created ?? null,
    streamSeq: Number(row?.stream_seq ?? 0),
    storedAt: row?.stream_stored_at ?? null,
  };
}

async function readClusters(client: ClientBase): Promise<ReadonlyMap<string, RegisteredCluster>> {
  const { rows } = await client.query<Omit<Row<'clusters'>, 'first_seen'>>(
    'select name, uid, shown, removed_at from clusters',
  );
  return new Map(
    rows.map(({ name, uid, shown, removed_at: removed }) => [
      name,
      { uid, shown, removedAt: removed?.toISOString() ?? null },
    ]),
  );
}

async function readObjects(client: ClientBase, query: string): Promise<readonly SavedObject[]> {
  const objects: SavedObject[] = [];
  for await (const rows of pagesOf<{ cluster: string; hash: string; data: string }>(client, query))
    for (const { cluster, hash, data } of rows) objects.push({ cluster, hash, object: parseObject(data) });
  return objects;
}

async function readSealed(client: ClientBase): Promise<readonly SealedItem[]> {
  const sealed: SealedItem[] = [];
  for await (const rows of pagesOf<{ key: string; cluster: string; item: string }>(client, sealedQuery))
    for (const { key, cluster, item } of rows) sealed.push({ key, cluster, ...parseTlsItem(item) });
  return sealed;
}

async function readNumbering(client: ClientBase): Promise<SavedNumbering> {
  const restores = await client.query<{ seq: string; data: string }>(
    `select seq, data from events where cluster = '' and kind = 'Fleet' and type = 'restored' order by seq`,
  );
  if (restores.rows.length === 0) return noRestores;
  const heads = await client.query<{ gateway: string; head: number; seq: string }>(
    'select g.gateway, g.head, s.seq from gateways g join snapshots s on s.gateway = g.gateway and s.version = g.head',
  );
  return savedNumbering(
    restores.rows.map(({ seq, data }) => ({ seq: BigInt(seq), event: parseRestore(data) })),
    new Map(heads.rows.map(({ gateway, head, seq }) => [gateway, { head, seq: BigInt(seq) }])),
  );
}

function parseRestore(data: string): RestoreEvent {
  const parsed = parseRestoreEvent(JSON.parse(data));
  if (!parsed.ok) throw new Error('a restore event cannot be read');
  return parsed.value;
}

async function readGateways(client: ClientBase): Promise<readonly SavedGateway[]> {
  const contents = new Map<string, Map<string, string>>();
  for await (const rows of pagesOf<{ gateway: string; key: string; hash: string }>(client, contentQuery)) {
    for (const { gateway, key, hash } of rows) {
      const content = contents.get(gateway) ?? new Map<string, string>();
      contents.set(gateway, content.set(key, hash));
    }
  }
  const served = await readServedListeners(client);
  const listeners = [...contents.values()].flatMap(listenerHashes);
  const ports = await readPorts(client, [...listeners, ...[...served.values()].flat()]);
  const gateways: SavedGateway[] = [];
  for await (const rows of pagesOf<GatewayRow>(client, gatewaysQuery)) {
    for (const { digest, since, ...head } of rows) {
      const entries = contents.get(head.gateway) ?? new Map<string, string>();
      const content = { digest, entries, ports: portsOf(listenerHashes(entries), ports) };
      const servedPorts = portsOf(served.get(head.gateway) ?? [], ports);
      gateways.push({ ...head, content, servedPorts, ...(since === null ? {} : { since }) });
    }
  }
  return gateways;
}

// Both were written by this program from checked values.
function parseObject(data: string): KubeObject {
  const object: KubeObject = JSON.parse(data);
  return object;
}

function parseTlsItem(item: string): { readonly fingerprint: string; readonly sealed: SealedMaterial } {
  const { fingerprint, sealed }: { fingerprint: string; sealed: SealedMaterial } = JSON.parse(item);
  return { fingerprint, sealed };
}
