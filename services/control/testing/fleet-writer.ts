// For tests: writes what the projector would, by SQL, commit by commit.
import { Pool, type PoolClient } from 'pg';
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import { digestOf } from '#libs/snapshot/digest.ts';
import { parsePlaceKey } from '#libs/gateway/object-key.ts';

interface GatewayChange {
  readonly gateway: string;
  /** Entries by key; null = removed. */
  readonly entries: Readonly<Record<string, unknown>>;
  readonly cause?: 'change' | 'rollback' | 'release';
  readonly ofVersion?: number;
  /** false = a candidate: what serves stays. */
  readonly serve?: boolean;
  readonly pinned?: boolean;
  readonly deleted?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
}

interface Commit {
  readonly gateways?: readonly GatewayChange[];
  /** Items by key; null = gone. */
  readonly discovery?: Readonly<Record<string, unknown>>;
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

interface State {
  head: number;
  serving: number;
  readonly entries: Map<string, string>;
}

export class FleetWriter {
  readonly pool: Pool;
  readonly #states = new Map<string, State>();
  #seq = 0;

  constructor(url: string) {
    this.pool = new Pool({ connectionString: url, max: 2 });
    this.pool.on('error', () => undefined);
  }

  /** What the gateway's newest version holds: key → hash. */
  entriesOf(gateway: string): ReadonlyMap<string, string> {
    return this.#state(gateway).entries;
  }

  versionOf(gateway: string): { readonly head: number; readonly serving: number } {
    return this.#state(gateway);
  }

  /** Writes one commit and tells of it; resolves to its number. */
  async commit(commit: Commit): Promise<bigint> {
    const client = await this.pool.connect();
    try {
      await client.query('begin');
      const { rows } = await client.query<{ commit: string }>(
        'update projector set commit = commit + 1 returning commit',
      );
      const number = rows[0]?.commit ?? '0';
      await this.#writeEvents(client, commit.events ?? []);
      for (const change of commit.gateways ?? []) await this.#writeGateway(client, number, change);
      for (const [key, item] of Object.entries(commit.discovery ?? {})) {
        const json = item === null ? null : canonicalJson(item);
        await client.query(
          `insert into discovery (key, cluster, hash, item, commit) values ($1, 'eu', $2, $3, $4)
           on conflict (key) do update set hash = excluded.hash, item = excluded.item, commit = excluded.commit`,
          [key, json === null ? '' : sha256(json), json, number],
        );
      }
      await client.query(`select pg_notify('fleetgate_commit', $1)`, [number]);
      await client.query('commit');
      return BigInt(number);
    } finally {
      client.release();
    }
  }

  /** Other labels of a Gateway object, and nothing else. */
  async relabel(gateway: string, labels: Readonly<Record<string, string>>): Promise<void> {
    await this.pool.query(
      `with p as (update projector set commit = commit + 1 returning commit),
            g as (update gateways set labels = $2, commit = p.commit from p where gateway = $1)
       select pg_notify('fleetgate_commit', p.commit::text) from p`,
      [gateway, JSON.stringify(labels)],
    );
  }

  async close(): Promise<void> {
    await this.pool.end();
  }

  async #writeEvents(client: PoolClient, events: readonly EventFields[]): Promise<void> {
    const batch = this.#seq + events.length;
    for (const event of events) {
      await client.query(
        `insert into events (seq, batch, id, type, cluster, kind, namespace, name, uid, manager, operation, at, data)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 'uid', $9, $10, now(), $11)`,
        [
          (this.#seq += 1),
          batch,
          event.id,
          event.type,
          event.cluster,
          event.kind,
          event.namespace,
          event.name,
          event.manager,
          event.operation,
          JSON.stringify(event.data),
        ],
      );
    }
  }

  async #writeGateway(client: PoolClient, commit: string, change: GatewayChange): Promise<void> {
    const state = this.#state(change.gateway);
    const version = (state.head += 1);
    if (change.serve !== false) state.serving = version;
    const rows = Object.entries(change.entries).map(([key, entry]) => {
      const json = entry === null ? null : canonicalJson(entry);
      return { key, json, hash: json === null ? null : sha256(json) };
    });
    for (const { key, hash } of rows) {
      if (hash === null) state.entries.delete(key);
      else state.entries.set(key, hash);
    }
    await client.query(
      `insert into entries (hash, json) select r.hash, r.json from unnest($1::text[], $2::text[]) as r(hash, json)
        where r.hash is not null on conflict do nothing`,
      [rows.map(({ hash }) => hash), rows.map(({ json }) => json)],
    );
    await client.query(
      `insert into snapshot_changes (gateway, version, key, hash) select $1, $2, r.key, r.hash from unnest($3::text[], $4::text[]) as r(key, hash)`,
      [change.gateway, version, rows.map(({ key }) => key), rows.map(({ hash }) => hash)],
    );
    await client.query(
      `insert into snapshots (gateway, version, digest, entries, cause, of_version, seq, at, actor, reason)
       values ($1, $2, $3, $4, $5, $6, $7, now(), 'kubectl', 'applied HTTPRoute shop/web')`,
      [
        change.gateway,
        version,
        digestOf(state.entries),
        state.entries.size,
        change.cause ?? 'change',
        change.ofVersion ?? null,
        this.#seq,
      ],
    );
    const { cluster, namespace, name } = parsePlaceKey(change.gateway);
    await client.query(
      `insert into gateways (gateway, cluster, namespace, name, head, serving, pinned, deleted, alarm, commit, labels)
       values ($1, $2, $3, $4, $5, $6, $7, $8, null, $9, $10)
       on conflict (gateway) do update set head = excluded.head, serving = excluded.serving, pinned = excluded.pinned,
         deleted = excluded.deleted, commit = excluded.commit, labels = excluded.labels`,
      [
        change.gateway,
        cluster,
        namespace,
        name,
        version,
        state.serving,
        change.pinned ?? false,
        change.deleted ?? false,
        commit,
        JSON.stringify(change.labels ?? {}),
      ],
    );
  }

  #state(gateway: string): State {
    let state = this.#states.get(gateway);
    if (state === undefined) {
      state = { head: 0, serving: 0, entries: new Map() };
      this.#states.set(gateway, state);
    }
    return state;
  }
}

/** A rule entry as small as it goes. */
export function ruleEntry(name: string, path: string, backend: string): unknown {
  return {
    kind: 'http-rule',
    route: { kind: 'HTTPRoute', cluster: 'eu', namespace: 'shop', name, createdAt: '2026-01-01T00:00:00Z' },
    index: 0,
    hosts: [{ listener: 'http', hostname: '*' }],
    matches: [{ path: { type: 'PathPrefix', value: path }, headers: [], query: [] }],
    filters: [],
    action: { type: 'forward', backends: [{ key: backend, weight: 1, filters: [] }] },
  };
}

export function backendEntry(service: string): unknown {
  return {
    kind: 'backend',
    cluster: 'eu',
    namespace: 'shop',
    service,
    port: 80,
    protocol: 'http',
    endpoints: `endpoints/eu/shop/${service}/80`,
  };
}

/** An entry of each kind: a listener with a certificate, a rule, its backend. */
export const firstEntries: Readonly<Record<string, unknown>> = {
  'listener/https': {
    kind: 'listener',
    name: 'https',
    port: 443,
    protocol: 'HTTPS',
    hostname: '*',
    certificates: ['tls/eu/infra/cert'],
    createdAt: '2026-01-01T00:00:00Z',
  },
  'rule/HTTPRoute/shop/web/0': ruleEntry('web', '/', 'backend/eu/shop/web/80'),
  'backend/eu/shop/web/80': backendEntry('web'),
};

export const certificate = { kind: 'tls', fingerprint: 'f1', sealed: { keyId: 'k', enc: 'e', ciphertext: 'c' } };
export const endpointsAt = (address: string) => ({ kind: 'endpoints', endpoints: [{ address, port: 8080 }] });
