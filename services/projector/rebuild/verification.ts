// Folds the whole history anew and compares with what is stored: each version with its digest and entries, each
// gateway, each object. Writes nothing; sees one moment of the database, whatever is written meanwhile.
import type { ClientBase } from 'pg';
import { parseDeedEvent } from '#libs/events/parse-deed-event.ts';
import { Projection } from '#libs/projection/projection.ts';
import type { GatewayHead, NewVersion } from '#libs/projection/versions/gateway-head.ts';
import type { Limits } from '#libs/projection/versions/limits.ts';
import { sameValue } from '#libs/derivation/same-value.ts';
import type { Row } from '#libs/runtime/postgres/database.ts';
import { ClusterRegistry, type RegisteredCluster } from '../clusters/cluster-registry.ts';
import { openArchivedHistory } from '../archive/archived-history.ts';
import { pagesOf } from '../store/cursor.ts';
import { queryForeignVersions } from '../store/foreign-versions.ts';
import { contentsFor, historyBatches } from '../store/history.ts';
import { parseLocalKey, toObjectKey } from '#libs/gateway/object-key.ts';

export interface Progress {
  readonly events: number;
  readonly versions: number;
  readonly tookMs: number;
}

interface Verification extends Progress {
  readonly gateways: number;
  readonly objects: number;
  /** Sentences, the first hundred. */
  readonly differences: readonly string[];
  readonly differenceCount: number;
  /** Sentences about restores that the history went through, and about events that were repaired or set aside. */
  readonly notes: readonly string[];
}

const differencesMax = 100;
const progressEvery = 10_000;

/** Compares; `onProgress` is called every ten thousand events. */
export async function verifyHistory(
  client: ClientBase,
  options: {
    readonly limits: Partial<Limits>;
    readonly onProgress: (progress: Progress) => void;
    /** Where the events lie that left the database. */
    readonly archive?: string | undefined;
  },
): Promise<Verification> {
  const started = performance.now();
  const projection = new Projection({ limits: options.limits });
  const differences = new Differences();
  const heads = new Map<string, GatewayHead>();
  const notes: string[] = [];
  let [events, versions] = [0, 0];
  await client.query('begin transaction isolation level repeatable read read only');
  try {
    const stored = new StoredVersions(client);
    const archived = await openArchivedHistory(client, options.archive);
    for await (const batch of historyBatches(client, { archived })) {
      for (const sentence of batch.unreadable) differences.add(sentence);
      notes.push(...batch.repaired, ...batch.setAside);
      const change = projection.apply(
        { events: batch.folded, slices: [], sealed: [] },
        await contentsFor(client, batch),
      );
      for (const head of change.gateways) heads.set(head.gateway, head);
      for (const { seq, event } of batch.folded)
        if (event.type === 'restored') notes.push(`restored at ${event.at}, event ${seq}: ${event.reason}`);
      const there = await stored.upTo(BigInt(batch.seq));
      const made = archived === undefined ? change.versions : await inDatabase(client, change.versions);
      differences.addVersions(batch.seq, made, there);
      const before = events;
      events += batch.folded.length;
      versions += change.versions.length;
      const due = Math.floor(before / progressEvery) < Math.floor(events / progressEvery);
      if (due) options.onProgress({ events, versions, tookMs: performance.now() - started });
    }
    differences.addVersions('', [], await stored.upTo(undefined));
    await compareEntries(client, differences);
    await compareGateways(client, heads, differences);
    await compareNodes(client, differences);
    await compareClusters(client, differences);
    const objects = await compareObjects(client, projection, differences);
    const tookMs = performance.now() - started;
    return { events, versions, gateways: heads.size, objects, tookMs, notes, ...differences.result() };
  } finally {
    await client.query('rollback');
  }
}

interface StoredVersion {
  readonly seq: string;
  readonly gateway: string;
  readonly version: number;
  readonly digest: string;
  readonly entries: number;
  readonly cause: string;
  readonly of_version: number | null;
  /** Key → hash, null = removed. */
  readonly changes: Map<string, string | null>;
}

type VersionRow = Omit<StoredVersion, 'changes'> & { readonly key: string | null; readonly hash: string | null };

/** Reads the stored versions with their changes, in the order in which they were made. */
class StoredVersions {
  readonly #rows: AsyncGenerator<readonly VersionRow[]>;
  #page: readonly VersionRow[] = [];
  #at = 0;

  constructor(client: ClientBase) {
    this.#rows = pagesOf<VersionRow>(
      client,
      `select s.seq, s.gateway, s.version, s.digest, s.entries, s.cause, s.of_version, c.key, c.hash
         from snapshots s left join snapshot_changes c on c.gateway = s.gateway and c.version = s.version
        order by s.seq, s.gateway, s.version`,
    );
  }

  /** Reads those of transactions up to `seq` (all that are left without) which were not read before. */
  async upTo(seq: bigint | undefined): Promise<readonly StoredVersion[]> {
    const versions: StoredVersion[] = [];
    for (let row = await this.#peek(); row !== undefined; row = await this.#peek()) {
      if (seq !== undefined && BigInt(row.seq) > seq) break;
      this.#at += 1;
      const { key, hash, ...fields } = row;
      let version = versions.at(-1);
      if (version?.gateway !== row.gateway || version.version !== row.version)
        versions.push((version = { ...fields, changes: new Map() }));
      if (key !== null) version.changes.set(key, hash);
    }
    return versions;
  }

  async #peek(): Promise<VersionRow | undefined> {
    while (this.#at >= this.#page.length) {
      const next = await this.#rows.next();
      if (next.done === true) return undefined;
      this.#page = next.value;
      this.#at = 0;
    }
    return this.#page[this.#at];
  }
}

class Differences {
  readonly #sentences: string[] = [];
  #count = 0;

  add(sentence: string): void {
    this.#count += 1;
    if (this.#sentences.length < differencesMax) this.#sentences.push(sentence);
  }

  addVersions(seq: string, made: readonly NewVersion[], stored: readonly StoredVersion[]): void {
    const left = new Map(stored.map((version) => [`${version.gateway} version ${version.version}`, version]));
    for (const version of made) {
      const name = `${version.gateway} version ${version.version}`;
      const other = left.get(name);
      left.delete(name);
      if (other === undefined) this.add(`${name} follows from event ${seq} and is not stored`);
      else this.#compare(name, version, other);
    }
    for (const name of left.keys()) this.add(`${name} is stored and does not follow from the history`);
  }

  result(): Pick<Verification, 'differences' | 'differenceCount'> {
    return { differences: this.#sentences, differenceCount: this.#count };
  }

  #compare(name: string, made: NewVersion, stored: StoredVersion): void {
    const pairs: readonly (readonly [string, unknown, unknown])[] = [
      ['digest', made.digest, stored.digest],
      ['number of entries', made.entryCount, stored.entries],
      ['cause', made.cause, stored.cause],
      ['version that it goes back to', made.ofVersion, stored.of_version],
      ['number of changes', made.changes.length, stored.changes.size],
    ];
    for (const [what, expected, actual] of pairs)
      if (expected !== actual)
        this.add(`${name}: the ${what} should be ${String(expected)}, stored is ${String(actual)}`);
    for (const { key, hash } of made.changes)
      if (stored.changes.get(key) !== hash) this.add(`${name}: the change of ${key} should be ${hash ?? 'a removal'}`);
  }
}

/** Leaves out the versions that are in an archive. */
async function inDatabase(client: ClientBase, made: readonly NewVersion[]): Promise<readonly NewVersion[]> {
  if (made.length === 0) return made;
  const { rows } = await client.query<{ gateway: string; version: number }>(
    `select r.gateway, r.version from unnest($1::text[], $2::int[]) as r(gateway, version)
       join archived_versions a on a.gateway = r.gateway and a.versions @> r.version`,
    [made.map(({ gateway }) => gateway), made.map(({ version }) => version)],
  );
  const gone = new Set(rows.map(({ gateway, version }) => `${gateway} ${version}`));
  return made.filter(({ gateway, version }) => !gone.has(`${gateway} ${version}`));
}

async function compareEntries(client: ClientBase, differences: Differences): Promise<void> {
  const { rows } = await client.query<{ hash: string }>(
    `select hash from entries where hash <> encode(sha256(convert_to(json, 'UTF8')), 'hex') limit ${differencesMax}`,
  );
  for (const { hash } of rows) differences.add(`the entry ${hash} has another content than its hash says`);
}

async function compareGateways(
  client: ClientBase,
  heads: ReadonlyMap<string, GatewayHead>,
  differences: Differences,
): Promise<void> {
  const left = new Map(heads);
  const query = 'select gateway, head, serving, pinned, deleted, alarm, labels from gateways';
  for await (const rows of pagesOf<Pick<GatewayHead, 'gateway' | (typeof headFields)[number]>>(client, query)) {
    for (const row of rows) {
      const head = left.get(row.gateway);
      left.delete(row.gateway);
      if (head === undefined) differences.add(`${row.gateway} is stored and does not follow from the history`);
      for (const field of headFields)
        if (head !== undefined && !sameValue(head[field], row[field]))
          differences.add(`${row.gateway}: ${field} should be ${textOf(head[field])}, stored is ${textOf(row[field])}`);
    }
  }
  for (const gateway of left.keys()) differences.add(`${gateway} follows from the history and is not stored`);
}

/** Compares what connected nodes hold with the versions that the history gives. */
async function compareNodes(client: ClientBase, differences: Differences): Promise<void> {
  for (const { node, gateway, version, ours } of await queryForeignVersions(client)) {
    const what = ours === null ? 'which the history does not have' : 'with other content than the history';
    differences.add(`the node ${node} holds version ${version} of ${gateway}, ${what}`);
  }
}

/** Compares which clusters are removed and what they are shown as with what was done to them last. */
async function compareClusters(client: ClientBase, differences: Differences): Promise<void> {
  const { rows: deeds } = await client.query<{ data: string }>(
    `select data from events where kind = 'Cluster' and type like 'cluster-%' order by seq`,
  );
  const { rows: clusters } = await client.query<Pick<Row<'clusters'>, 'name' | 'uid' | 'shown' | 'removed_at'>>(
    'select name, uid, shown, removed_at from clusters order by name',
  );
  const registry = new ClusterRegistry(clusters.map(({ name, uid }) => [name, { uid, shown: null, removedAt: null }]));
  const expected = new Map<string, RegisteredCluster>();
  for (const { data } of deeds) {
    const deed = parseDeedEvent(JSON.parse(data));
    const after = deed.ok ? registry.take(deed.value) : undefined;
    if (deed.ok && after !== undefined) expected.set(deed.value.subject, after);
  }
  for (const { name, shown, removed_at: removed } of clusters) {
    const known = expected.get(name) ?? { shown: null, removedAt: null };
    if (known.shown !== shown) differences.add(`the cluster ${name} should be shown as ${known.shown ?? name}`);
    if (known.removedAt !== (removed?.toISOString() ?? null))
      differences.add(`the cluster ${name} should be ${known.removedAt === null ? 'in the fleet' : 'removed'}`);
  }
}

function textOf(value: GatewayHead[(typeof headFields)[number]]): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

const headFields = ['head', 'serving', 'pinned', 'deleted', 'alarm', 'labels'] as const;

async function compareObjects(client: ClientBase, projection: Projection, differences: Differences): Promise<number> {
  const { rows: clusters } = await client.query<{ cluster: string }>('select distinct cluster from events');
  const expected = new Map<string, string>();
  for (const { cluster } of clusters)
    for (let after: string | undefined, more = true; more; more = after !== undefined) {
      const page = projection.inventory(cluster, after, 10_000);
      for (const { key, uid, hash } of page.items)
        expected.set(toObjectKey({ cluster, ...parseLocalKey(key) }), `${uid} ${hash}`);
      after = page.next;
    }
  const objects = expected.size;
  const query = `
    select cluster || '/' || kind || '/' || namespace || '/' || name as key, uid || ' ' || hash as content
      from objects`;
  for await (const rows of pagesOf<{ key: string; content: string }>(client, query)) {
    for (const { key, content } of rows) {
      if (expected.get(key) !== content) differences.add(`the object ${key} is stored with another content`);
      expected.delete(key);
    }
  }
  for (const key of expected.keys()) differences.add(`the object ${key} follows from the history and is not stored`);
  return objects;
}
