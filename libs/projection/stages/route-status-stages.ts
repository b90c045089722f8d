// Wires the stages of the statuses of routes and of the policies on their backends.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import type { PolicyTarget } from '#libs/gateway/objects/backend-tls-policy.ts';
import type { BackendStages } from './backend-stages.ts';
import type { PolicyLookup } from '#libs/projection/stages/policies/foreign-policy-stages.ts';
import type { Fault } from '#libs/projection/model/conditions.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Read, Stage } from '#libs/derivation/stage.ts';
import { firstPolicy } from '#libs/projection/model/policies.ts';
import { policyAncestors } from '#libs/projection/statuses/policy-status.ts';
import type { ReferenceStages } from './reference-stages.ts';
import { routeKind } from '#libs/projection/model/route-kinds.ts';
import type { ReadRoute, RouteStages } from './route-stages.ts';
import { routeFault, routeParents } from '#libs/projection/statuses/route-status.ts';
import { findShadows } from '#libs/projection/statuses/shadow.ts';
import { unservedPolicy } from '#libs/projection/statuses/unserved-policies.ts';
import { toBackendKey } from '#libs/snapshot/entry-key.ts';
import { parsePlaceKey, toNamespacedKey, toPlaceKey } from '#libs/gateway/object-key.ts';

/** Makes the stage of the statuses of routes of every kind whose row says so. Keys: object keys. */
export function createRouteStatus(
  engine: Derivation,
  references: ReferenceStages,
  stages: RouteStages,
  policiesOn: PolicyLookup,
): Stage<DesiredStatus> {
  return engine.stage<DesiredStatus>({
    name: 'route status',
    each: stages.routes,
    compute: (key, read) => {
      const found = read.get(stages.routes, key);
      if (found === undefined || routeKind(found.route.kind)?.status !== 'parents') return undefined;
      const { route, spec, uid, generation } = found;
      const { kind, namespace, name } = route;
      const shadows = findShadows(read.get(stages.claims, key) ?? [], stages.winnerOf(key, read));
      const attachments = read.get(stages.attachments, key)?.attachments ?? [];
      const faults = read.get(stages.resolved, key)?.referenceFaults ?? [];
      const isServed = routeFault(spec) === undefined && attachments.some(({ fault }) => fault === undefined);
      const unserved = isServed
        ? [
            ...unservedOnRoute(found, policiesOn, read),
            ...unservedOnServices(key, stages, references, policiesOn, read),
          ]
        : [];
      const parents = routeParents(spec, attachments, faults, shadows, unserved, generation);
      return { kind, namespace, name, uid, status: { parents } };
    },
  });
}

/** Names the policies on a route and on its rules. One on a rule that is not there is on nothing. */
function unservedOnRoute({ route, spec }: ReadRoute, policiesOn: PolicyLookup, read: Read): readonly string[] {
  return policiesOn(route, read).flatMap((policy) => {
    const { sectionName } = policy;
    if (sectionName === undefined) return [unservedPolicy(policy)];
    const isThere = spec.rules.some(({ name }) => name === sectionName);
    return isThere ? [unservedPolicy(policy, `rule ${sectionName}`)] : [];
  });
}

/** Names the policies on the Services that a route refers to, and on those of their ports that it uses. */
function unservedOnServices(
  key: string,
  { resolved }: RouteStages,
  { services }: ReferenceStages,
  policiesOn: PolicyLookup,
  read: Read,
): readonly string[] {
  const rules = read.get(resolved, key);
  if (rules === undefined) return [];
  return rules.services.flatMap((service) => {
    const { cluster, namespace, name } = parsePlaceKey(service);
    const what = `Service ${toNamespacedKey({ namespace, name })}`;
    return policiesOn({ cluster, kind: 'Service', namespace, name }, read).flatMap((policy) => {
      const { sectionName } = policy;
      if (sectionName === undefined) return [unservedPolicy(policy, what)];
      const ports = (read.get(services, service)?.ports ?? []).filter((port) => port.name === sectionName);
      const isUsed = ports.some(({ port, transport }) =>
        rules.backends.includes(toBackendKey({ cluster, namespace, service: name, port, transport })),
      );
      return isUsed ? [unservedPolicy(policy, `port ${sectionName} of ${what}`)] : [];
    });
  });
}

/** Makes the stage of the statuses of BackendTLSPolicies. Keys: `cluster/namespace/name`. */
export function createPolicyStatus(
  engine: Derivation,
  references: ReferenceStages,
  backends: BackendStages,
  routes: RouteStages,
): Stage<DesiredStatus> {
  return engine.stage<DesiredStatus>({
    name: 'backend tls policy status',
    each: backends.policies,
    compute: (key, read) => {
      const policy = read.get(backends.policies, key);
      if (policy === undefined) return undefined;
      const { cluster, namespace, name } = parsePlaceKey(key);
      const targets = policy.targets.map((target) => {
        const service = toPlaceKey({ cluster, namespace, name: target.service });
        const fault = targetFault(key, target, service, references, backends, read);
        const gateways = [...new Set(read.list(routes.referringGateways, service))];
        return { gateways, ...(fault === undefined ? {} : { fault }) };
      });
      const ancestors = policyAncestors(policy, targets);
      return { kind: 'BackendTLSPolicy', namespace, name, uid: policy.uid, status: { ancestors } };
    },
  });
}

/** Says why a policy does not hold on a target: nothing is there, or an older policy is. */
function targetFault(
  key: string,
  { service, portName }: PolicyTarget,
  serviceKey: string,
  references: ReferenceStages,
  backends: BackendStages,
  read: Read,
): Fault | undefined {
  const first = firstPolicy(read.list(backends.policiesOf, serviceKey), portName);
  const what = portName === undefined ? `Service ${service}` : `port ${portName} of Service ${service}`;
  if (first !== undefined && first.key !== key) {
    const message = `BackendTLSPolicy ${toNamespacedKey(parsePlaceKey(first.key))} is on ${what} and comes first`;
    return { reason: 'Conflicted', message };
  }
  const ports = read.get(references.services, serviceKey)?.ports ?? [];
  const exists = ports.some(({ name, transport }) => transport === 'tcp' && (portName ?? name) === name);
  return exists ? undefined : { reason: 'TargetNotFound', message: `there is no ${what} with TCP` };
}
