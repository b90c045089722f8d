// Decides what people command, request, approve and reject, against what the history holds and the projection knows.
import type { ClientBase } from 'pg';
import { type OperatorEvent, type StoredOutcome, isCommand } from '#libs/events/operator-event.ts';
import type { CommandType } from '#libs/gateway/command-types.ts';
import type { DecisionWishes } from '#libs/gateway/objects/decision-wishes.ts';
import type { Projection } from '#libs/projection/projection.ts';
import { decideCommand, decideRequest } from '#libs/projection/versions/confirmation.ts';
import { readRequest, readStanding } from './outcomes.ts';

/** Says what needs a second person at every gateway, and how long it waits for one. */
export interface Confirmations {
  readonly confirm: readonly CommandType[];
  readonly confirmWithinMs: number;
}

const ownOnly: Confirmations = { confirm: [], confirmWithinMs: 3_600_000 };

interface DecisionContext {
  readonly projection: Projection;
  readonly confirmations?: Confirmations;
  readonly now: () => Date;
}

type Decide = () => OperatorEvent & { readonly outcome: StoredOutcome };

/**
 * Reads what the decision needs; answers what decides at the time at which it is called. Only the projector requests:
 * whoever sends a request is refused.
 */
export async function decideAny(client: ClientBase, event: OperatorEvent, context: DecisionContext): Promise<Decide> {
  const { projection, confirmations = ownOnly, now } = context;
  if (isCommand(event)) {
    const { gateway } = event;
    const standing = await readStanding(client, gateway, event.type === 'rollback' ? event.to : null);
    return () =>
      decideCommand(projection.gatewayHead(gateway), event, {
        ...standing,
        wishes: joined(projection.decisionWishes(gateway), confirmations),
        seen: projection.standing(gateway),
        confirmWithinMs: confirmations.confirmWithinMs,
        now: now().getTime(),
      });
  }
  if (event.type === 'requested') {
    const message = 'a command is given, and requested by the projector alone';
    return () => ({ ...event, outcome: { result: 'refused', code: 'malformed', message } });
  }
  const { request, earlier, erased } = await readRequest(client, event.request);
  const gateway = request?.gateway ?? event.gateway;
  const wanted = request?.command.type === 'rollback' ? request.command.to : null;
  const standing = await readStanding(client, gateway, wanted);
  return () =>
    decideRequest(event, {
      ...standing,
      request,
      earlier,
      erased,
      head: projection.gatewayHead(gateway),
      seen: projection.standing(gateway),
      now: now().getTime(),
    });
}

function joined(own: DecisionWishes | undefined, { confirm }: Confirmations): DecisionWishes {
  return { requireReason: own?.requireReason ?? false, confirm: [...confirm, ...(own?.confirm ?? [])] };
}
