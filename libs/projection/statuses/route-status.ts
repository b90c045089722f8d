// Writes the status of a route: an entry for each parentRef that names a Gateway of ours.
import type { DesiredCondition } from '#libs/events/agent-exchange.ts';
import { controllerName } from '#libs/gateway/kinds.ts';
import type { RouteSpec } from '#libs/gateway/objects/route-spec.ts';
import type { RuleFault } from '#libs/gateway/fields/rule-fault.ts';
import type { Attachment } from '#libs/projection/model/attach.ts';
import {
  condition,
  conditionUnless,
  type Fault,
  ignoredFacts,
  listFacts,
  listProblems,
} from '#libs/projection/model/conditions.ts';
import type { RuleName } from '#libs/projection/model/publish.ts';
import type { KeptAttachment } from '#libs/projection/model/rivals.ts';
import { unservedCondition } from './unserved-policies.ts';

/**
 * Names what always comes before a rule: another rule, or another Gateway's listener for its hostname on the same
 * nodes.
 */
export type Winner = RuleName | { readonly gateway: string; readonly hostname: string };

/** Names a rule that can never match, and what always comes before it. */
export interface Shadow {
  readonly gateway: string;
  readonly listeners: readonly string[];
  readonly index: number;
  readonly winner: Winner;
}

/** Says why the route as a whole is not accepted, wherever it is attached. */
export function routeFault(spec: RouteSpec): Fault | undefined {
  if (spec.problems.length > 0) return { reason: 'UnsupportedValue', message: listProblems(spec.problems) };
  const faults = faultsOf(spec).map(({ fault }) => fault);
  const [first] = faults;
  if (first === undefined || faults.length < spec.rules.length) return undefined;
  return { reason: first.reason, message: listProblems(faults.flatMap((fault) => fault.problems)) };
}

/** Writes `status.parents` of a route. `unserved` names policies of other gateways on it and on its Services. */
export function routeParents(
  spec: RouteSpec,
  attachments: readonly KeptAttachment[],
  referenceFaults: readonly Fault[],
  shadows: readonly Shadow[],
  unserved: readonly string[],
  generation: number,
): readonly Readonly<Record<string, unknown>>[] {
  const own = routeFault(spec);
  const [reference] = referenceFaults;
  const resolved: Fault | undefined = reference && {
    reason: reference.reason,
    message: listFacts(referenceFaults.map(({ message }) => message)),
  };
  const partial = own === undefined ? partialFault(spec) : undefined;
  return attachments.map((attachment) => {
    const fault = attachment.fault === undefined ? own : together(attachment.fault, spec);
    const accepted =
      fault === undefined
        ? condition('Accepted', 'True', { reason: 'Accepted', message: reservations(spec, attachment) }, generation)
        : conditionUnless('Accepted', fault, generation);
    const conditions = [accepted, conditionUnless('ResolvedRefs', resolved, generation)];
    if (fault === undefined && partial !== undefined)
      conditions.push(condition('PartiallyInvalid', 'True', partial, generation));
    const shadow = fault === undefined ? shadowFault(spec, attachment, shadows) : undefined;
    if (shadow !== undefined) conditions.push(condition('fleetgate.dev/Shadowed', 'True', shadow, generation));
    if (fault === undefined) conditions.push(...unservedCondition(unserved, generation));
    return parentStatus(attachment, conditions);
  });
}

/** Says why a route is not attached, and what of it cannot be read: that may be why. */
function together(fault: Fault, { problems }: RouteSpec): Fault {
  return problems.length === 0 ? fault : { ...fault, message: listFacts([fault.message, listProblems(problems)]) };
}

function parentStatus(
  attachment: Attachment,
  conditions: readonly DesiredCondition[],
): Readonly<Record<string, unknown>> {
  return { parentRef: attachment.ref.written, controllerName, conditions };
}

/** Begins the message as the specification of PartiallyInvalid wants it. */
function partialFault(spec: RouteSpec): Fault | undefined {
  const facts = faultsOf(spec).map(
    ({ index, fault }) =>
      `Dropped Rule ${index}${fault.effect === 'dropped' ? '' : ' (answers 500)'}: ${listProblems(fault.problems)}`,
  );
  return facts.length === 0 ? undefined : { reason: 'UnsupportedValue', message: listFacts(facts) };
}

function faultsOf(spec: RouteSpec): readonly { readonly index: number; readonly fault: RuleFault }[] {
  const faults: { index: number; fault: RuleFault }[] = [];
  for (const { index, fault } of spec.rules) if (fault !== undefined) faults.push({ index, fault });
  return faults;
}

/** Says what an accepted route does not get. */
function reservations({ ignored, rules }: RouteSpec, { lost }: KeptAttachment): string {
  return listFacts([
    ...(rules.length === 0 ? ['the route has no rules: it takes no requests'] : []),
    ...ignoredFacts(ignored),
    ...repeatedNames(rules),
    ...(lost === undefined ? [] : [lost.message]),
  ]);
}

/** Says which names several rules have: CRDs refuse them, those of the standard channel from 1.7 on. */
function repeatedNames(rules: RouteSpec['rules']): readonly string[] {
  const named = rules.filter(({ name }) => name !== undefined);
  const groups = Map.groupBy<string, (typeof named)[number]>(named, ({ name = '' }) => name);
  return [...groups].flatMap(([name, group]) =>
    group.length < 2
      ? []
      : [`rules ${group.map(({ index }) => index).join(' and ')} are all named ${name}: a name is for one rule only`],
  );
}

function shadowFault(spec: RouteSpec, attachment: Attachment, shadows: readonly Shadow[]): Fault | undefined {
  const names = new Set(attachment.listeners.map(({ name }) => name));
  const here = shadows.filter(
    ({ gateway, listeners }) => gateway === attachment.gateway && listeners.some((listener) => names.has(listener)),
  );
  if (here.length === 0) return undefined;
  const facts = here.map(
    ({ index, winner }) => `rule ${index} can never match: ${winnerText(spec, attachment, winner)}`,
  );
  const reason = here.every(({ winner }) => 'gateway' in winner) ? 'ListenerConflict' : 'IdenticalMatch';
  return { reason, message: listFacts(facts) };
}

function winnerText(spec: RouteSpec, { gateway }: Attachment, winner: Winner): string {
  if ('gateway' in winner)
    return `Gateway ${winner.gateway} comes first with ${winner.hostname} on the same port and nodes`;
  const { kind, cluster, namespace, name } = winner.route;
  const where = gateway.startsWith(`${cluster}/`) ? '' : ` in ${cluster}`;
  const what = spec.type === 'http' ? 'has the same matches' : 'takes the same connections';
  return `rule ${winner.index} of ${kind} ${namespace}/${name}${where} ${what} and comes first`;
}
