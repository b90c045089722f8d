// Wires the stages of policies that other gateways serve: which of them are attached to an object, by name or by its
// labels. Nothing runs where there are none; a policy wakes what it names, or what is in the namespace of its selector.
import { type LabelSelector, selects } from '#libs/gateway/fields/label-selector.ts';
import { labels } from '#libs/gateway/fields/metadata.ts';
import { kindInfo, type WatchedKind } from '#libs/gateway/kinds.ts';
import { parseAttachingAnnotations, parseForeignPolicy } from '#libs/gateway/foreign-policy.ts';
import { type ObjectName, parseObjectKey, parsePlaceKey, toObjectKey, toPlaceKey } from '#libs/gateway/object-key.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Read } from '#libs/derivation/stage.ts';
import type { AttachedPolicy } from '#libs/projection/statuses/unserved-policies.ts';
import type { Sources } from '#libs/projection/stages/sources.ts';

interface SelectingPolicy {
  readonly policy: AttachedPolicy;
  readonly selector: LabelSelector;
}

/** Kinds whose objects may have policies attached by their annotations. An Ingress tells of its annotations itself. */
const annotatedKinds: readonly WatchedKind[] = [
  'Gateway',
  'HTTPRoute',
  'GRPCRoute',
  'TLSRoute',
  'TCPRoute',
  'UDPRoute',
  'Service',
];

/** Finds the policies on an object; its labels are read only where policies select by labels in its namespace. */
export type PolicyLookup = (target: ObjectName, read: Read) => readonly AttachedPolicy[];

/** Makes the stages. */
export function createForeignPolicyStages(engine: Derivation, sources: Sources): PolicyLookup {
  const { foreignPolicies } = sources;
  const policies = engine.stage({
    name: 'targets of foreign policy',
    each: foreignPolicies,
    compute: (key, read) => {
      const known = read.get(foreignPolicies, key);
      return known && parseForeignPolicy(known.object);
    },
  });
  const naming = engine.group<AttachedPolicy>().feed(policies, (key, { named, ...policy }) => {
    const { cluster } = parseObjectKey(key);
    return named.map(({ sectionName, ...target }) => ({
      group: toObjectKey({ cluster, ...target }),
      member: `${key} ${sectionName ?? ''}`,
      item: toAttached(policy, sectionName),
    }));
  });
  for (const kind of annotatedKinds) {
    naming.feed(sources.objects(kind), (key, { object }) => {
      const group = toObjectKey({ ...parsePlaceKey(key), kind });
      return parseAttachingAnnotations(object).map((title) => ({
        group,
        member: title,
        item: { title, isStandard: false },
      }));
    });
  }
  const selecting = engine.group<SelectingPolicy>().feed(policies, (key, { selected, ...policy }) => {
    const { cluster } = parseObjectKey(key);
    return selected.map(({ kind, namespace, selector, sectionName }, index) => ({
      group: toObjectKey({ cluster, kind, namespace, name: '' }),
      member: `${key} ${index}`,
      item: { policy: toAttached(policy, sectionName), selector },
    }));
  });
  return (target, read) => {
    const named = read.list(naming, toObjectKey(target));
    const selective = read.list(selecting, toObjectKey({ ...target, name: '' }));
    const kind = selective.length === 0 ? undefined : kindInfo(target.kind)?.kind;
    const known = kind && read.get(sources.objects(kind), toPlaceKey(target));
    if (known === undefined) return named;
    const own = labels(known.object);
    const chosen = selective.filter(({ selector }) => selects(selector, own));
    return [...named, ...chosen.map(({ policy }) => policy)];
  };
}

function toAttached(
  { title, isStandard }: { readonly title: string; readonly isStandard: boolean },
  sectionName: string | undefined,
): AttachedPolicy {
  return { title, isStandard, ...(sectionName === undefined ? {} : { sectionName }) };
}
