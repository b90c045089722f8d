// Writes anew what follows from the history: objects, gateways, versions with their changes, entries; in one
// transaction, with no projector beside it. The history, clusters, endpoints and key material stay as they are: they do
// not follow from it. Statuses follow from nodes too: the next projector brings them up to date when it takes over.
import type { ClientBase } from 'pg';
import { fail } from '#libs/runtime/errors.ts';
import type { FoldedEvent } from '#libs/projection/versions/projection-change.ts';
import type { GatewayHead } from '#libs/projection/versions/gateway-head.ts';
import { Projection } from '#libs/projection/projection.ts';
import type { Row } from '#libs/runtime/postgres/database.ts';
import { type CommitRows, type VersionRow, buildCommitRows, noChange } from '../store/commit-rows.ts';
import { type Checkpoint, commit } from '../store/commit.ts';
import { contentsFor, historyBatches } from '../store/history.ts';
import { originOf } from '../store/origin.ts';
import { openArchivedHistory } from '../archive/archived-history.ts';
import type { Progress, verifyHistory } from './verification.ts';
import { toObjectKey } from '#libs/gateway/object-key.ts';

const progressEvery = 10_000;
const windowChanges = 5000;
const rebuilt = ['objects', 'gateways', 'snapshots', 'snapshot_changes', 'entries'] as const;

/** Rebuilds; the caller holds the projector's lock. Readers see the old rows until all new ones are there. */
export async function rebuildFromHistory(
  client: ClientBase,
  options: Parameters<typeof verifyHistory>[1],
): Promise<Progress> {
  const started = performance.now();
  const projection = new Projection({ limits: options.limits });
  const heads = new Map<string, GatewayHead>();
  const objects = new Map<string, FoldedEvent>();
  let [events, versions] = [0, 0];
  await client.query('begin');
  try {
    const rows = await RowWindow.open(client);
    const archived = await openArchivedHistory(client, options.archive);
    for await (const batch of historyBatches(client, { archived })) {
      const [unreadable] = [...batch.unreadable, ...batch.setAside];
      // What follows from it may be served, and would be gone; numbers of versions would mean another content.
      if (unreadable !== undefined) throw fail('event-unreadable', unreadable);
      if (batch.folded.some(({ event }) => event.type === 'rollback')) await rows.flush();
      const change = projection.apply(
        { events: batch.folded, slices: [], sealed: [] },
        await contentsFor(client, batch),
      );
      for (const head of change.gateways) heads.set(head.gateway, head);
      for (const folded of batch.folded) keepNewest(objects, folded);
      for (const version of change.versions) {
        const origin = originOf(version, batch.folded);
        await rows.add({ ...version, ...origin, seq: batch.seq, at: batch.recordedAt }, change.entries);
      }
      const before = events;
      events += batch.folded.length;
      versions += change.versions.length;
      const due = Math.floor(before / progressEvery) < Math.floor(events / progressEvery);
      if (due) options.onProgress({ events, versions, tookMs: performance.now() - started });
    }
    await rows.flush();
    await rows.finish([...objects.values()], [...heads.values()]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
  return { events, versions, tookMs: performance.now() - started };
}

function keepNewest(objects: Map<string, FoldedEvent>, folded: FoldedEvent): void {
  const { event } = folded;
  if (event.type === 'cluster-removed')
    for (const [key, { event: known }] of objects)
      if ('object' in known && known.cluster === event.subject) objects.delete(key);
  if (!('object' in event)) return;
  if (event.object === null) objects.delete(toObjectKey(event));
  else objects.set(toObjectKey(event), folded);
}

/** Gathers rows of many versions for one statement. */
class RowWindow {
  readonly #client: ClientBase;
  readonly #epoch: string;
  readonly #checkpoint: Checkpoint;
  #versions: VersionRow[] = [];
  #entries = new Map<string, string>();
  #changes = 0;

  private constructor(client: ClientBase, epoch: string, checkpoint: Checkpoint) {
    this.#client = client;
    this.#epoch = epoch;
    this.#checkpoint = checkpoint;
  }

  /** Fences off any projector and empties the tables. */
  static async open(client: ClientBase): Promise<RowWindow> {
    const { rows } = await client.query<Row<'projector'>>(
      'update projector set epoch = epoch + 1 where id = 1 returning *',
    );
    const [row] = rows;
    if (row === undefined) throw new Error('the table projector is empty');
    for (const table of rebuilt) await client.query(`delete from ${table}`);
    return new RowWindow(client, row.epoch, {
      streamCreated: row.stream_created,
      streamSeq: Number(row.stream_seq),
      storedAt: row.stream_stored_at,
    });
  }

  async add(version: VersionRow, entries: ReadonlyMap<string, string>): Promise<void> {
    this.#versions.push(version);
    for (const [hash, json] of entries) this.#entries.set(hash, json);
    this.#changes += version.changes.length;
    if (this.#changes >= windowChanges) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#versions.length > 0) await this.#write({ ...noRows, versions: this.#versions, entries: this.#entries });
    this.#versions = [];
    this.#entries = new Map();
    this.#changes = 0;
  }

  async finish(objects: readonly FoldedEvent[], gateways: readonly GatewayHead[]): Promise<void> {
    for (let from = 0; from < objects.length; from += windowChanges) {
      const { objects: rows } = buildCommitRows(objects.slice(from, from + windowChanges), [], noChange);
      await this.#write({ ...noRows, objects: rows });
    }
    await this.#write({ ...noRows, gateways });
  }

  async #write(rows: CommitRows): Promise<void> {
    const recordedAt = new Date();
    await commit(
      this.#client,
      { epoch: this.#epoch, checkpoint: this.#checkpoint, recordedAt },
      { ...rows, log: undefined },
    );
  }
}

const noRows: CommitRows = buildCommitRows([], [], noChange);
