// Declares what an agent watches: a Kubernetes API server or a folder of manifests. A source reports objects as they
// are; it publishes nothing.
//
//   source ──change, listed──▶ mirror ──event──▶ outbox ──▶ NATS
//      ▲──────references────────┘
import type { InventoryItem } from '#libs/events/agent-exchange.ts';
import type { Actor } from '#libs/events/change-event.ts';
import type { WatchedKind } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';

/** Names an object of the cluster. */
export interface ObjectName {
  readonly kind: WatchedKind;
  /** '' for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
}

/** Says who changed an object and when (RFC 3339). */
export interface Provenance {
  readonly actor: Actor | null;
  readonly at: string;
}

/** Says that an object is now so. */
export interface AppliedChange {
  readonly type: 'applied';
  readonly kind: WatchedKind;
  /** As the source has it: with status and managedFields where there are any. */
  readonly object: KubeObject;
  readonly via: 'watch' | 'relist';
  /** Where the object itself does not say it (managedFields). */
  readonly provenance?: Provenance;
}

/** Says that an object is gone. */
export interface DeletedChange extends ObjectName {
  readonly type: 'deleted';
  readonly uid: string;
  readonly resourceVersion: string;
  readonly via: 'watch' | 'relist';
  readonly provenance?: Provenance;
}

/** Says what happened to an object. */
export type SourceChange = AppliedChange | DeletedChange;

/** Takes what a source reports. Changes of one object come in order; the source waits for each. */
export interface SourceSink {
  change(change: SourceChange): void | Promise<void>;
  /** Every object of the kind has been reported: what the history holds beside them is gone. May be repeated. */
  listed(kind: WatchedKind): void;
  /** Takes a sentence for people about `about`, or null once it is settled. */
  problem(about: string, sentence: string | null): void;
  restarted(kind: WatchedKind, why: string): void;
}

/** Answers a status write: `conflict` = not written, `current` is the newest object where the source could tell. */
export type StatusWriteResult =
  | { readonly outcome: 'written' | 'conflict'; readonly current: KubeObject | null }
  | { readonly outcome: 'gone' }
  | { readonly outcome: 'refused' | 'failed'; readonly reason: string };

/** Writes the status subresource, only if the object still has this resourceVersion. */
export type WriteStatus = (
  target: ObjectName & { readonly apiVersion: string; readonly resourceVersion: string },
  status: Readonly<Record<string, unknown>>,
) => Promise<StatusWriteResult>;

/** Watches a cluster, or what stands for one. */
export interface Source {
  readonly kind: 'kubernetes' | 'folder';
  readonly clusterUid: string;
  /** Reports everything, then what changes. `inventory` = what the history holds of this cluster. */
  start(sink: SourceSink, inventory: readonly InventoryItem[]): Promise<void>;
  /** Names the Secrets and ConfigMaps to report; those no longer named are reported as deleted. */
  reference(wanted: readonly ObjectName[]): void;
  /** Says whether the source cannot tell at present if the object exists, so that its absence means nothing. */
  isUncertain(key: string): boolean;
  /** Null where there is no status to write. */
  readonly writeStatus: WriteStatus | null;
  stop(): Promise<void>;
}

/** Reads the name of an object from its metadata. */
export function objectName(kind: WatchedKind, object: KubeObject): ObjectName {
  return { kind, namespace: object.metadata.namespace ?? '', name: object.metadata.name };
}
