// Makes conditions as the agents write them: without times and with messages of bounded length, so that equal facts
// give equal bytes.
import type { DesiredCondition } from '#libs/events/agent-exchange.ts';
import { describeProblem, type Problem } from '#libs/gateway/problem.ts';

export type ConditionStatus = DesiredCondition['status'];

/** Says why something does not hold: a reason of the Gateway API and a sentence. */
export interface Fault {
  readonly reason: string;
  readonly message: string;
}

const messageMax = 1024;
const listedMax = 5;

/** Makes one condition. */
export function condition(
  type: string,
  status: ConditionStatus,
  { reason, message }: Fault,
  observedGeneration: number,
): DesiredCondition {
  const text = message.length > messageMax ? `${message.slice(0, messageMax - 1)}…` : message;
  return { type, status, reason, message: text, observedGeneration };
}

/**
 * Makes a condition that is True when there is no fault (then `type` is the reason, too), else False with the fault.
 */
export function conditionUnless(type: string, fault: Fault | undefined, observedGeneration: number): DesiredCondition {
  return fault === undefined
    ? condition(type, 'True', { reason: type, message: '' }, observedGeneration)
    : condition(type, 'False', fault, observedGeneration);
}

/** Joins several facts to one message; only the first few are listed. */
export function listFacts(facts: readonly string[]): string {
  const listed = facts.slice(0, listedMax).join('; ');
  return facts.length > listedMax ? `${listed}; and ${facts.length - listedMax} more` : listed;
}

/** Says which fields of an object are left out, as a fact or as none. */
export function ignoredFacts(ignored: readonly string[]): readonly string[] {
  return ignored.length === 0 ? [] : [`not supported and left out: ${listFacts(ignored)}`];
}

/** Joins several problems to one message. */
export function listProblems(problems: readonly Problem[]): string {
  return listFacts(problems.map(describeProblem));
}
