// Decides commands of gateways that want a reason or a second person: such a command is requested, and carried out when
// another confirms it, if the gateway still stands as it stood then.
//
//   command ─▶ done | refused
//           ─▶ requested ─▶ approved: the command is decided, as if it came now
//                        ─▶ rejected | nobody decides in time: nothing is carried out
import type {
  DecisionEvent,
  GatewayCommand,
  OperatorEvent,
  RequestedEvent,
  SeenStanding,
  StoredOutcome,
} from '#libs/events/operator-event.ts';
import type { DecisionWishes } from '#libs/gateway/objects/decision-wishes.ts';
import { sameValue } from '#libs/derivation/same-value.ts';
import { type DecidedHead, type Standing, decideOperator } from './operator-decision.ts';

/** Says by what rules a command is decided, and how the gateway stands. */
interface Rules {
  readonly wishes: DecisionWishes;
  readonly seen: SeenStanding | undefined;
  /** How long a request waits for its confirmation. */
  readonly confirmWithinMs: number;
}

/** Says what became of a request before. */
interface EarlierDecision {
  readonly type: 'approved' | 'rejected';
  readonly by: string | null;
}

type Decided = OperatorEvent & { readonly outcome: StoredOutcome };
type Refusal = Exclude<StoredOutcome, { readonly result: 'done' }>;

/** Decides a command by the rules of its gateway: gives the event for the history. */
export function decideCommand(
  head: DecidedHead | undefined,
  command: GatewayCommand,
  { wishes, seen, confirmWithinMs, ...standing }: Standing & Rules,
): Decided {
  const judged = decideOperator(head, command, standing);
  if (judged.outcome.result !== 'done') return judged;
  const refusal = unexplained(command, wishes) ?? unfitEmergency(command);
  if (refusal !== undefined) return { ...judged, outcome: refusal };
  const isWanted = command.confirm === true || wishes.confirm.includes(command.type);
  if (seen === undefined || command.breakGlass === true || !isWanted) return judged;
  return toRequest(judged, seen, standing.now + confirmWithinMs);
}

/**
 * Decides what somebody says of a request, `request` undefined = there is none of this id. What is approved has the
 * outcome that the command has now.
 */
export function decideRequest(
  decision: DecisionEvent,
  {
    request,
    earlier,
    erased,
    head,
    seen,
    ...standing
  }: Standing & {
    readonly request: RequestedEvent | undefined;
    readonly earlier: EarlierDecision | undefined;
    /** The name of who requested it was erased: nobody can tell whether it is another person who decides. */
    readonly erased: boolean;
    readonly head: DecidedHead | undefined;
    readonly seen: SeenStanding | undefined;
  },
): Decided {
  const { command: _unproven, ...said } = decision;
  if (request === undefined)
    return { ...said, outcome: refuse('unknown-request', `no command ${decision.request} waits for a confirmation`) };
  const { gateway, command } = request;
  const about = { ...said, gateway };
  const refusal = late(decision, request, standing.now) ?? decided(request, earlier) ?? own(decision, request, erased);
  if (refusal !== undefined) return { ...about, outcome: refusal };
  if (decision.type === 'rejected') return { ...about, command, outcome: { result: 'done' } };
  const moved = movedOn(request, seen);
  if (moved !== undefined) return { ...about, outcome: moved };
  const { outcome, ...carried } = decideOperator(head, { ...command, expiresAt: decision.expiresAt }, standing);
  return outcome.result === 'done' ? { ...about, command: carried, outcome } : { ...about, outcome };
}

function toRequest(judged: GatewayCommand, seen: SeenStanding, until: number): Decided {
  const { outcome: _, ...command } = judged;
  const { v, id, gateway, actor, at, from, reason, ticket, expect = seen.serving } = command;
  return {
    ...{ v, id, gateway, actor, at, expiresAt: new Date(until).toISOString() },
    ...(from === undefined ? {} : { from }),
    ...(reason === undefined ? {} : { reason }),
    ...(ticket === undefined ? {} : { ticket }),
    type: 'requested',
    command: { ...command, expect },
    seen,
    outcome: { result: 'done' },
  };
}

function unexplained({ gateway, reason }: GatewayCommand, { requireReason }: DecisionWishes): Refusal | undefined {
  if (!requireReason || isSaid(reason)) return undefined;
  return refuse('reason-required', `commands for ${gateway} must say why; give the reason with --reason`);
}

function unfitEmergency({ breakGlass = false, actor, reason }: GatewayCommand): Refusal | undefined {
  if (!breakGlass) return undefined;
  if (actor.role !== 'admin') return refuse('break-glass', 'only an admin may go without a confirmation');
  if (isSaid(reason)) return undefined;
  return refuse('reason-required', 'who goes without a confirmation must say why; give the reason with --reason');
}

function late(decision: DecisionEvent, request: RequestedEvent, now: number): Refusal | undefined {
  if (now >= Date.parse(decision.expiresAt)) {
    const message = `the decision expired at ${decision.expiresAt} before it was taken; give it again`;
    return { result: 'expired', code: 'expired', message };
  }
  if (now < Date.parse(request.expiresAt)) return undefined;
  const message = `the request waited until ${request.expiresAt}, and is over; the command must be given again`;
  return { result: 'expired', code: 'expired', message };
}

function decided(request: RequestedEvent, earlier: EarlierDecision | undefined): Refusal | undefined {
  if (earlier === undefined) return undefined;
  return refuse('decided', `${request.id} was ${earlier.type} by ${earlier.by ?? 'nobody known'} before`);
}

/** Nobody confirms what they asked for; whoever asked may take it back. */
function own({ type, actor }: DecisionEvent, request: RequestedEvent, erased: boolean): Refusal | undefined {
  if (type === 'approved' && erased)
    return refuse('own-request', 'who asked for it was erased, and may be you; the command must be given again');
  if (type === 'rejected' || actor.name !== request.actor.name) return undefined;
  return refuse('own-request', `${actor.name} asked for it: another person must confirm it`);
}

/** The gateway is not as it was when the command was requested. */
function movedOn({ gateway, command, seen }: RequestedEvent, now: SeenStanding | undefined): Refusal | undefined {
  if (command.force === true || now === undefined) return undefined;
  // A rollback says itself which content it goes back to; the others take what is there.
  const same = command.type === 'rollback' ? now.serving === seen.serving : sameValue(now, seen);
  if (same) return undefined;
  const was = `it served version ${seen.serving} of ${seen.head} when the ${command.type} was requested`;
  const held = now.held === seen.held ? '' : ', and holds back something else';
  const is = `serves ${now.serving} of ${now.head} now${held}`;
  return refuse('changed', `${gateway} is not as it was seen: ${was}, and ${is}; the command must be given again`);
}

function isSaid(reason: string | undefined): boolean {
  return reason !== undefined && reason.trim() !== '';
}

function refuse(code: string, message: string): Refusal {
  return { result: 'refused', code, message };
}
