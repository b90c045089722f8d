// Parses the annotations with which the owner of a Gateway says how it may be commanded; docs/approvals.md and
// docs/reasons.md list them.
import { type CommandType, commandTypes, isCommandType } from '#libs/gateway/command-types.ts';
import { annotations } from '#libs/gateway/fields/metadata.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { Problem } from '#libs/gateway/problem.ts';

/** Says what a Gateway wants of the commands for it; what it leaves out is the fleet's. */
export interface DecisionWishes {
  /** Commands must say why. */
  readonly requireReason: boolean;
  /** Commands that another person must confirm. */
  readonly confirm: readonly CommandType[];
}

const requireReasonName = 'fleetgate.dev/require-reason';
const confirmName = 'fleetgate.dev/confirm';

/**
 * Reads what a Gateway wants. An annotation that cannot be read is a problem, and asks for all that it could ask for:
 * a slip of the pen must not let anything through.
 */
export function parseDecisionWishes(object: KubeObject): {
  readonly wishes: DecisionWishes;
  readonly problems: readonly Problem[];
} {
  const texts = annotations(object);
  const problems: Problem[] = [];
  const required = texts[requireReasonName] ?? 'false';
  if (required !== 'true' && required !== 'false')
    problems.push({ path: `metadata.annotations[${requireReasonName}]`, message: 'must be "true" or "false"' });
  const words = (texts[confirmName] ?? '').split(',').map((word) => word.trim());
  const unknown = words.filter((word) => word !== '' && !isCommandType(word));
  if (unknown.length > 0) {
    const message = `must be a list of ${commandTypes.join(', ')}; "${unknown[0]}" is none, so that all are confirmed`;
    problems.push({ path: `metadata.annotations[${confirmName}]`, message });
  }
  const confirm = commandTypes.filter((one) => unknown.length > 0 || words.includes(one));
  return { wishes: { requireReason: required !== 'false', confirm }, problems };
}
