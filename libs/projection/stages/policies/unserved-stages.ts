// Wires the stages of what is to be said of foreign policies on Gateways and ListenerSets. A Gateway tells of those on
// its class, its namespace and its ListenerSets, too: it is where one looks.
import { gatewayClassName } from '#libs/gateway/objects/gateway.ts';
import { parsePlaceKey, toNamespacedKey } from '#libs/gateway/object-key.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Read } from '#libs/derivation/stage.ts';
import { listenerSetFault } from '#libs/projection/model/listener-set-model.ts';
import {
  type AttachedPolicy,
  unservedByListener,
  type UnservedPolicies,
  unservedPolicy,
} from '#libs/projection/statuses/unserved-policies.ts';
import type { PolicyLookup } from './foreign-policy-stages.ts';
import type { GatewayStages } from '#libs/projection/stages/gateway-stages.ts';
import type { Sources } from '#libs/projection/stages/sources.ts';

/** Gives what is to be said of policies, by place keys. */
export interface UnservedStages {
  readonly onGateway: (key: string, read: Read) => UnservedPolicies;
  readonly onSet: (key: string, read: Read) => UnservedPolicies;
}

/** Holds the policies on a ListenerSet that is served, and on those of its listeners that are. */
interface SetPolicies {
  readonly gateway: string;
  readonly policies: readonly AttachedPolicy[];
}

/** Makes the stages. */
export function createUnservedStages(
  engine: Derivation,
  sources: Sources,
  gateways: GatewayStages,
  policiesOn: PolicyLookup,
): UnservedStages {
  const ofSets = engine.stage<SetPolicies>({
    name: 'policies on listener set',
    each: gateways.sets,
    compute: (key, read) => {
      const set = read.get(gateways.sets, key);
      if (set === undefined || listenerSetFault(set) !== undefined) return undefined;
      const served = new Set(set.listeners.flatMap((one) => (one.served ? [one.name] : [])));
      const policies = policiesOn({ ...parsePlaceKey(key), kind: 'ListenerSet' }, read).filter(
        ({ sectionName }) => sectionName === undefined || served.has(sectionName),
      );
      return policies.length === 0 ? undefined : { gateway: set.gateway, policies };
    },
  });
  const ofSetsByGateway = engine.group<readonly string[]>().feed(ofSets, (key, { gateway, policies }) => {
    const set = `ListenerSet ${toNamespacedKey(parsePlaceKey(key))}`;
    const item = policies.map((policy) => {
      const { sectionName } = policy;
      return unservedPolicy(policy, sectionName === undefined ? set : `listener ${sectionName} of ${set}`);
    });
    return [{ group: gateway, member: key, item }];
  });
  return {
    onSet: (key, read) => unservedByListener(read.get(ofSets, key)?.policies ?? [], []),
    onGateway(key, read) {
      const { cluster, namespace, name } = parsePlaceKey(key);
      const known = read.get(sources.objects('Gateway'), key);
      const className = known && gatewayClassName(known.object);
      const wide = (kind: string, on: string): readonly string[] =>
        policiesOn({ cluster, kind, namespace: '', name: on }, read).map((one) => unservedPolicy(one, `${kind} ${on}`));
      return unservedByListener(policiesOn({ cluster, kind: 'Gateway', namespace, name }, read), [
        ...(className === undefined ? [] : wide('GatewayClass', className)),
        ...wide('Namespace', namespace),
        ...read.list(ofSetsByGateway, key).flat(),
      ]);
    },
  };
}
