// An operator event says what a person decided, and what came of it. It enters by the same log as a change event. This
// is version 2.
//
// Where a gateway wants its commands confirmed, a command is not carried out: the history holds that it was requested.
// Another person's `approved` carries it out, and has the whole command with it; `rejected` ends it.
import { commandTypes, isCommandType } from '#libs/gateway/command-types.ts';

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
  /** The ticket that asks for it. */
  readonly ticket?: string;
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

interface CommandBase extends OperatorEventBase {
  /** The rules of who sent it want another person to confirm it, whatever the gateway's say. */
  readonly confirm?: boolean;
  /** Carry it out without the confirmation that the gateway wants: an admin in an emergency, who says why. */
  readonly breakGlass?: boolean;
}

/** Serve the content of an earlier version as a new version, and pin the gateway to it. */
export interface RollbackEvent extends CommandBase {
  readonly type: 'rollback';
  /** The version whose content is wanted; null = the one that served before the current one. */
  readonly to: number | null;
  /** Digest of that content; absent = `to` is null, or there was no such version when it was asked for. */
  readonly digest?: string;
}

/** End the pin: the newest candidate serves. */
interface ReleaseEvent extends CommandBase {
  readonly type: 'release';
}

/** Let the content through that a sanity limit holds back. */
interface AcceptEvent extends CommandBase {
  readonly type: 'accept';
}

export type GatewayCommand = RollbackEvent | ReleaseEvent | AcceptEvent;

/** Says how a gateway stood when a command was requested, so that nothing else is confirmed than what was asked for. */
export interface SeenStanding {
  readonly serving: number;
  readonly head: number;
  /** SHA-256 of what is live and in no version; null = nothing is. */
  readonly held: string | null;
}

/**
 * A command waits for another person's confirmation. Only the projector makes it, of a command with the same id;
 * `expiresAt` says until when it waits.
 */
export interface RequestedEvent extends OperatorEventBase {
  readonly type: 'requested';
  /** What is carried out when it is confirmed; its `expect` is the version that served. */
  readonly command: GatewayCommand;
  readonly seen: SeenStanding;
}

/** Somebody decides what was requested. */
export interface DecisionEvent extends OperatorEventBase {
  readonly type: 'approved' | 'rejected';
  /** Id of the requested event. */
  readonly request: string;
  /** What was requested, as it was carried out where it was; filled in by the projector, absent where nothing was. */
  readonly command?: GatewayCommand;
}

export type OperatorEvent = GatewayCommand | RequestedEvent | DecisionEvent;

/**
 * Gives what an event of the history carried out: a command that was done, or one that was approved and done then;
 * undefined = what was refused, came too late, waits or was rejected changed nothing, and is not folded.
 */
export function carriedOut(event: OperatorEvent): GatewayCommand | undefined {
  const { outcome } = event;
  if (outcome !== undefined && outcome.result !== 'done') return undefined;
  if (isCommand(event)) return event;
  return event.type === 'approved' ? event.command : undefined;
}

/** Tells a command from a request and from a decision. */
export function isCommand(event: OperatorEvent): event is GatewayCommand {
  return isCommandType(event.type);
}

/** Names every type of an operator event in the history. */
export const operatorTypes = [...commandTypes, 'requested', 'approved', 'rejected'] as const;

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
  | {
      readonly id: string;
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      /** RFC 3339: it is not refused, but waits until then for a confirmation; the code is `requested`. */
      readonly until?: string;
    };
