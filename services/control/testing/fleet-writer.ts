// For tests: writes what a test wants the projector to have made, commit by commit, with the projector's own statement.
import { Pool } from 'pg';
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import { parsePlaceKey } from '#libs/gateway/object-key.ts';
import type { GatewayHead } from '#libs/projection/versions/gateway-head.ts';
import { parseDiscoveryKey } from '#libs/snapshot/discovery-key.ts';
import { digestOf } from '#libs/snapshot/digest.ts';
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';
import { type CommitRows, type VersionRow, buildCommitRows, noChange } from '../../projector/store/commit-rows.ts';
import { commit } from '../../projector/store/commit.ts';
import { EventLog } from '../../projector/store/event-log.ts';

interface GatewayChange {
  readonly gateway: string;
  /** Entries by key; null = removed. */
  readonly entries: Readonly<Record<string, unknown>>;
  readonly cause?: VersionRow['cause'];
  readonly ofVersion?: number;
  /** false = a candidate: what serves stays. */
  readonly serve?: boolean;
  readonly pinned?: boolean;
  readonly deleted?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
}

interface Commit extends Partial<Pick<CommitRows, 'clusters' | 'objects' | 'statuses'>> {
  readonly gateways?: readonly GatewayChange[];
  /** Items by key; null = gone. */
  readonly discovery?: Readonly<Record<string, DiscoveryItem | null>>;
  /** Change and operator events, as rows of `events` without their numbers. */
  readonly events?: readonly EventFields[];
}

export interface EventFields {
  readonly id: string;
  readonly type: string;
  readonly cluster: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly manager: string | null;
  readonly operation: string | null;
  readonly data: unknown;
}

interface Held {
  readonly head: GatewayHead;
  /** Of the newest version: key → hash. */
  readonly entries: ReadonlyMap<string, string>;
}

/** No projector has led on the database of a test: its epoch is the first. */
const epoch = '0';
const checkpoint = { streamCreated: null, streamSeq: 0, storedAt: null };

export class FleetWriter {
  readonly pool: Pool;
  readonly #held = new Map<string, Held>();
  readonly #log = new EventLog();
  #seq = 0;

  constructor(url: string) {
    this.pool = new Pool({ connectionString: url, max: 2 });
    this.pool.on('error', () => undefined);
  }

  /** Lists what the gateway's newest version holds: key → hash. */
  entriesOf(gateway: string): ReadonlyMap<string, string> {
    return this.#of(gateway).entries;
  }

  versionOf(gateway: string): Pick<GatewayHead, 'head' | 'serving'> {
    return this.#of(gateway).head;
  }

  /** Writes one commit and tells of it; resolves to its number. */
  async commit({ events = [], gateways = [], discovery = {}, ...facts }: Commit): Promise<bigint> {
    const batch = String(this.#seq + events.length);
    const rows = events.map((event) => this.#eventRow(event, batch));
    const entries = new Map<string, string>();
    const versions = gateways.map((change) => this.#addVersion(change, entries));
    return this.#write({
      ...facts,
      events: rows,
      entries,
      versions,
      gateways: gateways.map(({ gateway }) => this.#of(gateway).head),
      discovery: Object.entries(discovery).map(([key, item]) => ({
        key,
        cluster: clusterOf(key),
        hash: item === null ? '' : sha256(canonicalJson(item)),
        item,
      })),
    });
  }

  /** Writes other labels of a Gateway object, and nothing else. */
  async relabel(gateway: string, labels: Readonly<Record<string, string>>): Promise<void> {
    const { head, entries } = this.#of(gateway);
    const relabelled = { ...head, labels };
    this.#held.set(gateway, { head: relabelled, entries });
    await this.#write({ gateways: [relabelled] });
  }

  async close(): Promise<void> {
    await this.pool.end();
  }

  async #write(rows: Partial<CommitRows>): Promise<bigint> {
    const client = await this.pool.connect();
    try {
      const fence = { epoch, checkpoint, recordedAt: new Date() };
      const log = this.#log.append(rows.events ?? [], fence.recordedAt);
      return BigInt(await commit(client, fence, { ...buildCommitRows([], [], noChange), ...rows, log }));
    } finally {
      client.release();
    }
  }

  #eventRow({ data, ...event }: EventFields, batch: string): CommitRows['events'][number] {
    const seq = String((this.#seq += 1));
    return { ...event, seq, batch, uid: 'uid', at: new Date().toISOString(), data: JSON.stringify(data) };
  }

  /** Adds the JSON of new entries to `texts`, by hash. */
  #addVersion(change: GatewayChange, texts: Map<string, string>): VersionRow {
    const { gateway } = change;
    const { head: before, entries: held } = this.#of(gateway);
    const version = before.head + 1;
    const entries = new Map(held);
    const changes = Object.entries(change.entries).map(([key, entry]) => {
      const json = entry === null ? null : canonicalJson(entry);
      const hash = json === null ? null : sha256(json);
      if (json === null || hash === null) entries.delete(key);
      else {
        texts.set(hash, json);
        entries.set(key, hash);
      }
      return { key, hash };
    });
    const head = {
      ...before,
      head: version,
      serving: change.serve === false ? before.serving : version,
      pinned: change.pinned ?? false,
      deleted: change.deleted ?? false,
      labels: change.labels ?? {},
    };
    this.#held.set(gateway, { head, entries });
    return {
      gateway,
      version,
      digest: digestOf(entries),
      entryCount: entries.size,
      cause: change.cause ?? 'change',
      ofVersion: change.ofVersion ?? null,
      changes,
      actor: 'kubectl',
      reason: 'applied HTTPRoute shop/web',
      seq: String(this.#seq),
      at: null,
    };
  }

  #of(gateway: string): Held {
    const known = this.#held.get(gateway);
    if (known !== undefined) return known;
    const none = {
      head: 0,
      serving: 0,
      pinned: false,
      deleted: false,
      alarm: null,
      labels: {},
      uid: null,
      limits: null,
    };
    return { head: { gateway, ...parsePlaceKey(gateway), ...none }, entries: new Map() };
  }
}

/** Reads the cluster that a discovery item is of; '' where the key does not say. */
function clusterOf(key: string): string {
  const name = parseDiscoveryKey(key);
  if (name?.type === 'endpoints') return name.port.cluster;
  if (name?.type === 'tls') return name.secret.cluster;
  return name?.object.cluster ?? '';
}
