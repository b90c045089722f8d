// An operator event says what a person decided. It enters by the same log as a change event. This is version 1.

interface OperatorEventBase {
  readonly v: 1;
  /** Unique per command, chosen by control; makes a repeated publish harmless. */
  readonly id: string;
  /** `cluster/namespace/name` of a Gateway. */
  readonly gateway: string;
  readonly actor: { readonly name: string; readonly role: string };
  /** RFC 3339. */
  readonly at: string;
  readonly reason?: string;
}

/** Serve the content of an earlier version as a new version, and pin the gateway to it. */
interface RollbackEvent extends OperatorEventBase {
  readonly type: 'rollback';
  /** The version whose content is wanted; null = the one that served before the current one. */
  readonly to: number | null;
}

/** End the pin: the newest candidate serves. */
interface ReleaseEvent extends OperatorEventBase {
  readonly type: 'release';
}

/** Let the content through that a sanity limit holds back. */
interface AcceptEvent extends OperatorEventBase {
  readonly type: 'accept';
}

export type OperatorEvent = RollbackEvent | ReleaseEvent | AcceptEvent;

/** What the projector answers to a command's reply subject, after the commit. */
export type OperatorOutcome =
  | { readonly id: string; readonly ok: true; readonly gateway: string; readonly version: number; readonly seq: string }
  | { readonly id: string; readonly ok: false; readonly code: string; readonly message: string };
