// Holds what control knows of one node, as the projection needs it.

export interface NodeReport {
  readonly node: string;
  readonly connected: boolean;
  /** When it was heard of last, RFC 3339; absent while it is connected, so that a steady node has a steady report. */
  readonly lastSeen?: string;
  /** Globs over `cluster/namespace/name`, `*` within one part; with `?` and a label selector or not. */
  readonly serves: readonly string[];
  readonly addresses: readonly string[];
  /** The newest version that answers requests, for each gateway. */
  readonly applied: readonly { readonly gateway: string; readonly version: number }[];
  /** The newest version that was not taken, for each gateway that has one. */
  readonly rejected: readonly {
    readonly gateway: string;
    readonly version: number;
    readonly reasons: readonly string[];
  }[];
}
