// Describes what goes into a Projection and what comes out, in one place.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import type { RemovalEvent } from '#libs/events/deed-event.ts';
import type { OperatorEvent } from '#libs/events/operator-event.ts';
import type { RestoreEvent } from '#libs/events/restore-event.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';
import type { GatewayHead, NewVersion, VersionContent, VersionPort } from './gateway-head.ts';
import type { SavedNumbering } from './numbering.ts';
import type { NodeReport } from '#libs/projection/model/delivery/node-report.ts';
import type { SealedItem } from '#libs/projection/model/delivery/sealed-item.ts';

/** Holds an event of the history with its place in it. */
export interface FoldedEvent {
  readonly seq: bigint;
  readonly event: ChangeEvent | OperatorEvent | RestoreEvent | RemovalEvent;
}

/** Holds one transaction's worth: new events in order, EndpointSlice events, new TLS material. */
export interface Batch {
  readonly events: readonly FoldedEvent[];
  readonly slices: readonly ChangeEvent[];
  readonly sealed: readonly SealedItem[];
}

/** Says which status an object of a cluster should have; null = the object is gone or not ours any more. */
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

/** Says what one batch changed. Every list is ordered by its key. */
export interface ProjectionChange {
  readonly versions: readonly NewVersion[];
  /** hash → canonical JSON of entries that the versions name and that may be new. */
  readonly entries: ReadonlyMap<string, string>;
  readonly gateways: readonly GatewayHead[];
  readonly statuses: readonly StatusChange[];
  readonly discovery: readonly DiscoveryChange[];
}

/** Describes an object as Postgres holds it; `hash` is its event's. */
export interface SavedObject {
  readonly cluster: string;
  readonly hash: string;
  readonly object: KubeObject;
}

/** Describes a gateway as Postgres holds it, with the content of version `head`. */
export interface SavedGateway extends GatewayHead {
  readonly content: VersionContent;
  /**
   * First version made at or after the last change of the Gateway object (head when there is none); absent = serving.
   */
  readonly since?: number;
  /** Ports of version `serving` where that is not `head`, whose ports are in its content; absent = not known. */
  readonly servedPorts?: readonly VersionPort[];
}

export interface SavedProjection {
  readonly objects: Iterable<SavedObject>;
  /** EndpointSlices. */
  readonly slices: Iterable<SavedObject>;
  readonly sealed: Iterable<SealedItem>;
  readonly gateways: Iterable<SavedGateway>;
  readonly nodes?: readonly NodeReport[];
  /** Absent = the database was never restored. */
  readonly numbering?: SavedNumbering;
}
