// Decides commands of operators against what is known; what is decided is folded as an event.
import type { OperatorEvent } from '#libs/events/operator-event.ts';
import type { GatewayHead } from './gateway-head.ts';

type OperatorDecision =
  | { readonly event: OperatorEvent }
  | { readonly refused: { readonly code: string; readonly message: string } };

/**
 * Decides a command: a concrete event (rollback.to filled in), or why not. `versions` are those of the gateway, in any
 * order.
 */
export function decideOperator(
  head: GatewayHead | undefined,
  command: OperatorEvent,
  versions: readonly { readonly version: number; readonly digest: string }[],
): OperatorDecision {
  if (head === undefined) return refuse('unknown-gateway', `no gateway ${command.gateway} is known`);
  if (command.type === 'release') {
    return head.pinned ? { event: command } : refuse('not-pinned', `${command.gateway} is not pinned`);
  }
  if (command.type === 'accept') {
    return head.alarm === null
      ? refuse('nothing-held', `nothing of ${command.gateway} is held back`)
      : { event: command };
  }
  const to = command.to ?? previousVersion(head, versions);
  if (to === undefined) {
    return refuse('no-earlier-version', `${command.gateway} has no earlier version with another content`);
  }
  if (!versions.some(({ version }) => version === to)) {
    return refuse('unknown-version', `${command.gateway} has no version ${to}; its newest is ${head.head}`);
  }
  return { event: { ...command, to } };
}

/** Finds the highest version below the one that serves whose content is another. */
function previousVersion(
  head: GatewayHead,
  versions: readonly { readonly version: number; readonly digest: string }[],
): number | undefined {
  const serving = versions.find(({ version }) => version === head.serving)?.digest;
  return versions
    .filter(({ version, digest }) => version < head.serving && digest !== serving)
    .reduce<number | undefined>(
      (best, { version }) => (best === undefined || version > best ? version : best),
      undefined,
    );
}

function refuse(code: string, message: string): OperatorDecision {
  return { refused: { code, message } };
}
