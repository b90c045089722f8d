// What gateways should serve and what objects should say, kept current from events at the cost of the change.
import type { DesiredStatus, InventoryPage, StatusPage } from '#libs/events/agent-exchange.ts';
import type { ChangeEvent, SealedMaterial } from '#libs/events/change-event.ts';
import type { OperatorEvent } from '#libs/events/operator-event.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';

/** An event of the history with its place in it. */
export interface FoldedEvent {
  readonly seq: bigint;
  readonly event: ChangeEvent | OperatorEvent;
}

/** TLS material of one Secret; key = `tls/<cluster>/<namespace>/<name>`. */
export interface SealedItem {
  readonly key: string;
  readonly cluster: string;
  readonly fingerprint: string;
  readonly sealed: SealedMaterial;
}

/** One transaction's worth: new events in order, EndpointSlice events, new TLS material. */
export interface Batch {
  readonly events: readonly FoldedEvent[];
  readonly slices: readonly ChangeEvent[];
  readonly sealed: readonly SealedItem[];
}

/** What one version of a gateway holds: entry key → entry hash, and the digest over it. */
export interface VersionContent {
  readonly digest: string;
  readonly entries: ReadonlyMap<string, string>;
}

/** Gives the content of a version that a rollback in the batch names. */
export type ContentOf = (gateway: string, version: number) => VersionContent;

/** Where a gateway stands; the row of the table `gateways`. */
export interface GatewayHead {
  /** `cluster/namespace/name`. */
  readonly gateway: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  /** Newest version. */
  readonly head: number;
  /** Version that nodes should serve. */
  readonly serving: number;
  readonly pinned: boolean;
  /** The Gateway object is gone and nothing of it is served. */
  readonly deleted: boolean;
  /** Why the newest content was not made a version; null = it was. */
  readonly alarm: string | null;
}

export interface NewVersion {
  readonly gateway: string;
  readonly version: number;
  readonly digest: string;
  readonly entryCount: number;
  readonly cause: 'change' | 'rollback' | 'release';
  /** The version that a rollback goes back to. */
  readonly ofVersion: number | null;
  /** Differences from the version before, by key; hash null = removed. */
  readonly changes: readonly { readonly key: string; readonly hash: string | null }[];
}

/** The status that an object of a cluster should have; null = the object is gone or not ours any more. */
export type StatusChange =
  | (DesiredStatus & { readonly cluster: string })
  | {
      readonly cluster: string;
      readonly kind: string;
      readonly namespace: string;
      readonly name: string;
      readonly status: null;
    };

export interface DiscoveryChange {
  readonly key: string;
  readonly cluster: string;
  /** '' when gone. */
  readonly hash: string;
  /** null = gone. */
  readonly item: DiscoveryItem | null;
}

/** What one batch changed. Every list is ordered by its key. */
export interface ProjectionChange {
  readonly versions: readonly NewVersion[];
  /** hash → canonical JSON of entries that the versions name and that may be new. */
  readonly entries: ReadonlyMap<string, string>;
  readonly gateways: readonly GatewayHead[];
  readonly statuses: readonly StatusChange[];
  readonly discovery: readonly DiscoveryChange[];
}

/** What control knows of one node. */
export interface NodeReport {
  readonly node: string;
  readonly connected: boolean;
  /** Globs over `cluster/namespace/name`; `*` matches within one part. */
  readonly serves: readonly string[];
  readonly addresses: readonly string[];
  readonly applied: readonly { readonly gateway: string; readonly version: number }[];
  readonly rejected: readonly {
    readonly gateway: string;
    readonly version: number;
    readonly reasons: readonly string[];
  }[];
}

/** An object as Postgres holds it; `hash` is its event's. */
export interface SavedObject {
  readonly cluster: string;
  readonly hash: string;
  readonly object: KubeObject;
}

/** A gateway as Postgres holds it, with the content of version `head`. */
export interface SavedGateway extends GatewayHead {
  readonly content: VersionContent;
  /** First version made at or after the last change of the Gateway object (head when there is none); absent = serving. */
  readonly since?: number;
}

export interface SavedProjection {
  readonly objects: Iterable<SavedObject>;
  /** EndpointSlices. */
  readonly slices: Iterable<SavedObject>;
  readonly sealed: Iterable<SealedItem>;
  readonly gateways: Iterable<SavedGateway>;
  readonly nodes?: readonly NodeReport[];
}

/** Over a limit: no new version, an alarm on the gateway, until the content is fine again or an operator accepts it. */
export interface Limits {
  /** Entries of one gateway. */
  readonly entriesMax: number;
  /** Sum of the entries' JSON bytes. */
  readonly bytesMax: number;
  /** Share of the rules that one commit may remove, 0 to 1 … */
  readonly removedShareMax: number;
  /** … when it removes at least this many. */
  readonly removedMin: number;
}

export class Projection {
  constructor(options: { readonly limits?: Partial<Limits> } = {}) {
    void options;
  }

  /** Takes over what Postgres holds. Only on a new Projection. */
  load(saved: SavedProjection): void {
    throw new Error(`not built yet ${String(saved)}`);
  }

  /** Folds one transaction's worth. The same history in the same batches gives the same bytes. */
  apply(batch: Batch, contentOf: ContentOf): ProjectionChange {
    throw new Error(`not built yet ${String(batch)} ${String(contentOf)}`);
  }

  /** Replaces all node reports; only statuses can change. */
  setNodes(nodes: readonly NodeReport[]): ProjectionChange {
    throw new Error(`not built yet ${String(nodes)}`);
  }

  /** Whether a change event says nothing new: the same object with the same content, or an older one. */
  knows(event: ChangeEvent): boolean {
    throw new Error(`not built yet ${String(event)}`);
  }

  /** A page of what is known of a cluster, EndpointSlices included, ordered by `kind/namespace/name`. */
  inventory(cluster: string, after: string | undefined, limit: number): InventoryPage {
    throw new Error(`not built yet ${cluster} ${String(after)} ${limit}`);
  }

  /** A page of a cluster's desired statuses, ordered by `kind/namespace/name`. */
  statuses(cluster: string, after: string | undefined, limit: number): StatusPage {
    throw new Error(`not built yet ${cluster} ${String(after)} ${limit}`);
  }

  gatewayHead(gateway: string): GatewayHead | undefined {
    throw new Error(`not built yet ${gateway}`);
  }
}

/** Decides a command against what is known: a concrete event (rollback.to filled in), or why not. */
export function decideOperator(
  head: GatewayHead | undefined,
  command: OperatorEvent,
  versions: readonly { readonly version: number; readonly digest: string }[],
): { readonly event: OperatorEvent } | { readonly refused: { readonly code: string; readonly message: string } } {
  throw new Error(`not built yet ${String(head)} ${String(command)} ${versions.length}`);
}
