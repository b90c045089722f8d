// Names policies that other gateways serve, on what Fleetgate serves without them. It is a condition of its own, as
// Shadowed is: the object is accepted and served, and what its owner put on it may have been what protects it.
import type { DesiredCondition } from '#libs/events/agent-exchange.ts';
import { condition, listFacts } from '#libs/projection/model/conditions.ts';

/** A policy on an object, or on a part of it. */
export interface AttachedPolicy {
  /** `SecurityPolicy of gateway.envoyproxy.io, shop/auth`. */
  readonly title: string;
  /** Whether it belongs to the Gateway API itself. */
  readonly isStandard: boolean;
  readonly sectionName?: string;
}

/** Says of a policy that it is not served; `on` says on what, where that is not the object whose status it is. */
export function unservedPolicy({ title, isStandard }: AttachedPolicy, on = ''): string {
  return `${title},${on === '' ? '' : ` on ${on},`} is not served here${isStandard ? ' yet' : ''}`;
}

/** What is to be said on an object with listeners, and on each of these. */
export interface UnservedPolicies {
  readonly own: readonly string[];
  readonly ofListener: (name: string) => readonly string[];
}

/** Tells the policies on an object with listeners apart: those on one of them name it as their section. */
export function unservedByListener(policies: readonly AttachedPolicy[], others: readonly string[]): UnservedPolicies {
  const ofSection = (name: string | undefined): readonly string[] =>
    policies.filter(({ sectionName }) => sectionName === name).map((policy) => unservedPolicy(policy));
  return { own: [...ofSection(undefined), ...others], ofListener: ofSection };
}

/** Makes the condition, or none where nothing is to be said. */
export function unservedCondition(facts: readonly string[], generation: number): readonly DesiredCondition[] {
  const each = [...new Set(facts)];
  if (each.length === 0) return [];
  const fault = { reason: 'PolicyNotServed', message: listFacts(each) };
  return [condition('fleetgate.dev/UnservedPolicies', 'True', fault, generation)];
}
