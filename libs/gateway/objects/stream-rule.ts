// Parses one rule of a TLSRoute, TCPRoute or UDPRoute, which has weighted backends.
import { type BackendTarget, parseBackendTarget } from '#libs/gateway/fields/backend-ref.ts';
import type { Cursor } from '#libs/gateway/fields/cursor.ts';
import { sectionName } from '#libs/gateway/fields/names.ts';
import type { Problem } from '#libs/gateway/problem.ts';
import type { RuleFault } from '#libs/gateway/fields/rule-fault.ts';

interface StreamBackendRef {
  readonly target: BackendTarget;
  readonly weight: number;
}

export interface StreamRule {
  readonly index: number;
  readonly name?: string;
  /** The hostnames of the route that the rule is for; absent = all of them. */
  readonly hostnames?: readonly string[];
  readonly backends: readonly StreamBackendRef[];
  readonly fault?: RuleFault;
}

/**
 * Reads one rule. A backend that cannot be read is one that does not exist; other mistakes drop the rule, so that
 * another route may have its connections.
 */
export function parseStreamRule(item: Cursor, index: number, namespace: string): StreamRule {
  const problems: Problem[] = [];
  const at = item.into(problems);
  at.requiredObject();
  const backendsAt = at.field('backendRefs');
  const backends = backendsAt.items(16).map((backend) => ({
    target: parseBackendTarget(backend, namespace),
    weight: backend.field('weight').integer(0, 1_000_000) ?? 1,
  }));
  if (backends.length === 0 && problems.length === 0) backendsAt.problem('must have at least one backend');
  const name = item.into([]).field('name').text(sectionName);
  const named = { index, ...(name === undefined ? {} : { name }) };
  if (problems.length === 0) return { ...named, backends };
  return { ...named, backends: [], fault: { effect: 'dropped', reason: 'UnsupportedValue', problems } };
}
