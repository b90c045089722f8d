// Wires the stages of the statuses of routes and of the policies on their backends.
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import type { PolicyTarget } from '#libs/gateway/objects/backend-tls-policy.ts';
import type { BackendStages } from './backend-stages.ts';
import type { Fault } from '#libs/projection/model/conditions.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Read, Stage } from '#libs/derivation/stage.ts';
import { firstPolicy } from '#libs/projection/model/policies.ts';
import { policyAncestors } from '#libs/projection/statuses/policy-status.ts';
import type { ReferenceStages } from './reference-stages.ts';
import { routeKind } from '#libs/projection/model/route-kinds.ts';
import type { RouteStages } from './route-stages.ts';
import { routeParents } from '#libs/projection/statuses/route-status.ts';
import { findShadows } from '#libs/projection/statuses/shadow.ts';
import { parsePlaceKey, toNamespacedKey, toPlaceKey } from '#libs/gateway/object-key.ts';

/** Makes the stage of the statuses of routes of every kind whose row says so. Keys: object keys. */
export function createRouteStatus(engine: Derivation, stages: RouteStages): Stage<DesiredStatus> {
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
      const parents = routeParents(spec, attachments, faults, shadows, generation);
      return { kind, namespace, name, uid, status: { parents } };
    },
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
