// An operator event says what a person decided, and what came of it. It enters by the same log as a change event. This
// is version 2.

interface OperatorEventBase {
  readonly v: 2;
  /** Unique per command, chosen by control; makes a repeated publish harmless. */
  readonly id: string;
  /** `cluster/namespace/name` of a Gateway. */
  readonly gateway: string;
  readonly actor: { readonly name: string; readonly role: string };
  /** RFC 3339. */
  readonly at: string;
  /** RFC 3339: from then on it is not carried out any more. */
  readonly expiresAt: string;
  /** The version that served when the person decided; absent = it was not looked at. */
  readonly expect?: number;
  /** Carry it out though another version serves than `expect` says. */
  readonly force?: boolean;
  readonly reason?: string;
  /** The address that the request came from; absent = not known. */
  readonly from?: string;
  /** What the projector made of it; absent on the way there. In a history of version 1 everything was done. */
  readonly outcome?: StoredOutcome;
}

/** Says what came of a deed, as the history keeps it; every kind of deed has it. */
export type StoredOutcome =
  | {
      readonly result: 'done';
      /** The version that served before; absent = not known. */
      readonly replaced?: number;
    }
  | { readonly result: 'refused' | 'expired'; readonly code: string; readonly message: string };

/** Serve the content of an earlier version as a new version, and pin the gateway to it. */
export interface RollbackEvent extends OperatorEventBase {
  readonly type: 'rollback';
  /** The version whose content is wanted; null = the one that served before the current one. */
  readonly to: number | null;
  /** Digest of that content; absent = `to` is null, or there was no such version when it was asked for. */
  readonly digest?: string;
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

/** Says whether it changed anything: what was refused or came too late is in the history, and is not folded. */
export function isDone({ outcome }: OperatorEvent): boolean {
  return outcome === undefined || outcome.result === 'done';
}

/** What the projector answers to a command's reply subject, after the commit. */
export type OperatorOutcome =
  | {
      readonly id: string;
      readonly ok: true;
      readonly gateway: string;
      /** The version that serves now. */
      readonly version: number;
      readonly seq: string;
      /** The version that served before; absent = not known. */
      readonly replaced?: number;
      /** Of a rollback: the version whose content serves. */
      readonly to?: number;
    }
  | { readonly id: string; readonly ok: false; readonly code: string; readonly message: string };
