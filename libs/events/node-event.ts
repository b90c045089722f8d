// A node event says that a data-plane node counts no more, and why. Control notes it where it keeps the nodes, and the
// projector appends it to the history. Nothing is folded of it: nodes are no part of a version. This is version 1.
//   node  1  the first

export interface NodeEvent {
  readonly v: 1;
  /** Unique per departure. */
  readonly id: string;
  readonly type: 'node-left';
  readonly node: string;
  /** goodbye = it stopped in order, removed = a person says so, silent = it was not heard of for too long. */
  readonly cause: 'goodbye' | 'removed' | 'silent';
  /** Who removed it. */
  readonly actor: { readonly name: string; readonly role: string } | null;
  readonly reason: string;
  /** RFC 3339: when it was heard of last. */
  readonly lastSeen: string;
  /** RFC 3339. */
  readonly at: string;
}
