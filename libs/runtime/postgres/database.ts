// Types the tables of migrations/ as kysely sees them. bigint comes as a string, timestamptz as a Date, jsonb parsed.
import type { ColumnType, Generated, JSONColumnType, Selectable } from 'kysely';

/** Read as a decimal string; written as string, number or bigint. */
type BigInt8 = ColumnType<string, string | number | bigint, string | number | bigint>;
type Time = ColumnType<Date, Date | string, Date | string>;
type Json<T> = JSONColumnType<T & object>;

interface ProjectorTable {
  readonly id: number;
  readonly epoch: BigInt8;
  readonly commit: BigInt8;
  readonly stream_created: string | null;
  readonly stream_seq: BigInt8;
  /** Nanoseconds since 1970, in decimal; null = not known. */
  readonly stream_stored_at: string | null;
  /** How many events the log of the history has. */
  readonly log_size: BigInt8;
  readonly log_root: Buffer;
}

interface LogTilesTable {
  readonly level: number;
  readonly index: BigInt8;
  /** 256 hashes, of 32 bytes each. */
  readonly hashes: Buffer;
}

interface ProjectorsTable {
  readonly projector: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly phase: 'standing by' | 'loading' | 'leading';
  /** Since when it is in that phase. */
  readonly since: Time;
  readonly last_seen: Time;
  /** Under which it leads; null while it stands by. */
  readonly epoch: BigInt8 | null;
  /** Process id of the Postgres backend that holds the lock. */
  readonly backend: Generated<number | null>;
  /** Who is not heard of by then is replaced. */
  readonly lease_until: Time | null;
  /** Sentences for people. */
  readonly problems: Json<readonly string[]>;
}

interface ClustersTable {
  readonly name: string;
  readonly uid: string;
  readonly first_seen: Time;
  /** The name that is shown in the place of its own; null = its own. */
  readonly shown: Generated<string | null>;
  /** Null = it is in the fleet. */
  readonly removed_at: ColumnType<Date | null, Date | string | null | undefined, Date | string | null>;
}

/** Which events left the database, in bundles of the log. */
interface ArchivesTable {
  readonly first: BigInt8;
  readonly last: BigInt8;
  readonly place: string;
  /** Of the log as it was then. */
  readonly log_size: BigInt8;
  readonly log_root: Buffer;
  readonly at: Generated<Date>;
}

interface ArchivedVersionsTable {
  readonly gateway: string;
  readonly file: string;
  /** An int4multirange as text. */
  readonly versions: string;
  readonly place: string;
}

interface PrivateTextsTable {
  /** `private:` and 64 hexadecimal digits. */
  readonly id: string;
  readonly salt: Buffer;
  readonly text: string;
}

interface DeedsTable {
  readonly id: string;
  readonly noted_at: Generated<Date>;
  /** JSON of the event. */
  readonly data: string;
}

interface EventsTable {
  readonly seq: BigInt8;
  readonly batch: BigInt8;
  readonly id: string;
  readonly type: string;
  readonly cluster: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly manager: string | null;
  readonly operation: string | null;
  readonly at: Time;
  readonly recorded_at: Generated<Date>;
  readonly data: string;
  /** Hash of its leaf in the log of the history. */
  readonly leaf: Buffer;
}

interface EventFactsTable {
  /** changeMessageId of the change that the fact speaks of. */
  readonly change_id: string;
  readonly type: string;
  /** Of the facts of one change and type the highest holds, and of those the newest. */
  readonly rank: number;
  /** Number of the event that the fact is. */
  readonly seq: BigInt8;
  /** JSON of the rows of event_names that waited for the change. */
  readonly names: string | null;
}

/** Holds hashes of what each event is about, for questions. */
interface EventIndexTable {
  readonly seq: BigInt8;
  readonly recorded_at: Date;
  readonly object: BigInt8;
  readonly cluster: number;
  readonly kind: number;
  readonly namespace: number;
  readonly name: number;
  readonly type: number;
  readonly manager: number;
}

/** Says from which event to which an object named a host, a path or a gateway. */
interface ObjectMentionsTable {
  readonly term: string;
  readonly object: BigInt8;
  readonly from_seq: BigInt8;
  readonly until_seq: BigInt8 | null;
}

interface EventNamesTable {
  readonly what: 'by' | 'tool';
  readonly name: string;
  /** Number of the change. */
  readonly seq: BigInt8;
}

interface ObjectsTable {
  readonly cluster: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly hash: string;
  readonly seq: BigInt8;
  readonly manager: string | null;
  readonly operation: string | null;
  readonly at: Time;
  readonly data: string;
}

interface EndpointSlicesTable {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly hash: string;
  readonly resource_version: string;
  readonly data: string;
}

interface GatewaysTable {
  readonly gateway: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly head: number;
  readonly serving: number;
  readonly pinned: boolean;
  readonly deleted: boolean;
  readonly alarm: string | null;
  readonly commit: BigInt8;
  /** Of the Gateway object. */
  readonly labels: Json<Readonly<Record<string, string>>>;
  /** Of the Gateway object that the versions are of; null from before it was stored. */
  readonly uid: string | null;
  /** The sanity limits that hold for it; null from before they were stored. */
  readonly limits: Json<{
    readonly entriesMax: number;
    readonly bytesMax: number;
    readonly removedShareMax: number;
    readonly removedMin: number;
    readonly removedRoutesMin: number;
  }> | null;
}

interface SnapshotsTable {
  readonly gateway: string;
  readonly version: number;
  readonly digest: string;
  readonly entries: number;
  readonly cause: string;
  readonly of_version: number | null;
  readonly seq: BigInt8;
  readonly at: Time;
  readonly actor: string | null;
  readonly reason: string | null;
}

interface SnapshotChangesTable {
  readonly gateway: string;
  readonly version: number;
  readonly key: string;
  readonly hash: string | null;
}

interface EntriesTable {
  readonly hash: string;
  readonly json: string;
}

interface StatusesTable {
  readonly cluster: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly status: Json<Readonly<Record<string, unknown>>>;
}

interface DiscoveryTable {
  readonly key: string;
  readonly cluster: string;
  readonly hash: string;
  readonly item: string | null;
  readonly commit: BigInt8;
}

interface NodesTable {
  readonly node: string;
  readonly version: string;
  readonly labels: Json<Readonly<Record<string, string>>>;
  readonly serves: Json<readonly string[]>;
  readonly addresses: Json<readonly string[]>;
  readonly replica: string;
  readonly connected: boolean;
  readonly envoy: string;
  readonly first_seen: Time;
  readonly last_seen: Time;
}

interface DepartedNodesTable {
  readonly id: string;
  readonly node: string;
  readonly cause: 'goodbye' | 'removed' | 'silent';
  readonly reason: string;
  readonly actor: string | null;
  readonly role: string | null;
  readonly last_seen: Time;
  readonly at: Time;
}

interface VersionApplicationsTable {
  readonly gateway: string;
  readonly version: number;
  /** When the first node and the last one told that they had applied it; null = none has. */
  readonly first_at: Time | null;
  readonly last_at: Time | null;
  /** How many told so; one that came back without it and took it again counts again. */
  readonly nodes: number;
  readonly refused_at: Time | null;
  readonly refusals: number;
  readonly refused_reasons: Json<readonly string[]> | null;
}

interface NodeGatewaysTable {
  readonly node: string;
  readonly gateway: string;
  readonly version: number;
  readonly digest: string;
  readonly applied_at: Time;
  readonly took_ms: number;
  readonly rejected_version: number | null;
  readonly rejected_reasons: ColumnType<readonly string[] | null, string | null, string | null>;
  readonly rejected_at: ColumnType<Date | null, Date | string | null, Date | string | null>;
}

interface TokensTable {
  readonly id: string;
  readonly name: string;
  readonly role: 'viewer' | 'operator' | 'admin' | 'node' | 'provisioner';
  readonly sha256: string;
  readonly created_at: Time;
  readonly revoked_at: ColumnType<Date | null, Date | string | null, Date | string | null>;
}

interface AgentsTable {
  readonly cluster: string;
  readonly version: string;
  readonly source: string;
  readonly synced: boolean;
  readonly objects: number;
  readonly problems: Json<readonly string[]>;
  readonly last_seen: Time;
}

export interface Database {
  readonly projector: ProjectorTable;
  readonly projectors: ProjectorsTable;
  readonly clusters: ClustersTable;
  readonly events: EventsTable;
  readonly event_facts: EventFactsTable;
  readonly event_names: EventNamesTable;
  readonly event_index: EventIndexTable;
  readonly object_mentions: ObjectMentionsTable;
  readonly objects: ObjectsTable;
  readonly endpoint_slices: EndpointSlicesTable;
  readonly gateways: GatewaysTable;
  readonly snapshots: SnapshotsTable;
  readonly snapshot_changes: SnapshotChangesTable;
  readonly entries: EntriesTable;
  readonly statuses: StatusesTable;
  readonly discovery: DiscoveryTable;
  readonly nodes: NodesTable;
  readonly node_gateways: NodeGatewaysTable;
  readonly version_applications: VersionApplicationsTable;
  readonly departed_nodes: DepartedNodesTable;
  readonly tokens: TokensTable;
  readonly log_tiles: LogTilesTable;
  readonly archives: ArchivesTable;
  readonly archived_versions: ArchivedVersionsTable;
  readonly private_texts: PrivateTextsTable;
  readonly deeds: DeedsTable;
  readonly agents: AgentsTable;
}

/** A row as it is read. */
export type Row<T extends keyof Database> = Selectable<Database[T]>;

/** Columns that an outer join may not find. */
export type OuterColumns<C> = { readonly [K in keyof C]: C[K] | null };
