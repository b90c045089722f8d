// Judges BackendTLSPolicies: what each asks for, and which of several holds on a port of a Service.
import type { KnownObject } from '#libs/fleet/fleet.ts';
import { parseBackendTlsPolicy, type PolicyTarget } from '#libs/gateway/objects/backend-tls-policy.ts';
import { createdAt, generation } from '#libs/gateway/fields/metadata.ts';
import { type AuthorityLookup, resolveAuthority } from './authority-ref.ts';
import type { PolicyChoice } from './backends.ts';
import { type Fault, listFacts, listProblems } from './conditions.ts';
import { compareText } from '#libs/gateway/compare-text.ts';
import { toPlaceKey } from '#libs/gateway/object-key.ts';

/** Names a policy, and decides between several. */
interface PolicyName {
  /** `cluster/namespace/name`. */
  readonly key: string;
  readonly createdAt: string;
}

/** Describes a policy on a Service, or on one of its ports by name. */
export interface TargetingPolicy extends PolicyName {
  readonly portName?: string;
}

export interface PolicyModel extends PolicyName {
  readonly uid: string;
  readonly generation: number;
  readonly targets: readonly PolicyTarget[];
  /** How TLS is spoken where the policy holds. */
  readonly choice: PolicyChoice;
  /** Why the policy is not accepted for what it says. */
  readonly fault?: Fault;
  readonly referenceFault?: Fault;
  /** Fields that are left out. */
  readonly ignored: readonly string[];
}

/** Judges a policy by itself; whether another comes before it is told by `holdingPolicy`. */
export function evaluatePolicy(known: KnownObject, authority: AuthorityLookup['authority']): PolicyModel {
  const { cluster, namespace, name, uid, object } = known;
  const { targets, hostname, authorities, subjectAltNames, problems, ignored } = parseBackendTlsPolicy(object);
  const base = {
    key: toPlaceKey(known),
    createdAt: createdAt(object),
    uid,
    generation: generation(object),
    targets,
    ignored,
  };
  const lookup = { authority, refusal: () => undefined, strangeKind: 'InvalidKind' } as const;
  const refs = authorities === 'system' ? [] : authorities.map((ref) => resolveAuthority(ref, cluster, lookup));
  const keys = refs.flatMap((ref) => ('key' in ref ? [ref.key] : []));
  const faults = refs.flatMap((ref) => ('fault' in ref ? [ref.fault] : []));
  const [first] = faults;
  const referenceFault = first && { reason: first.reason, message: listFacts(faults.map(({ message }) => message)) };
  const fault = ownFault(listProblems(problems), authorities === 'system' || keys.length > 0, referenceFault);
  const who = `BackendTLSPolicy ${namespace}/${name}`;
  return {
    ...base,
    choice:
      fault === undefined
        ? { tls: { hostname, authorities: authorities === 'system' ? 'system' : keys, subjectAltNames } }
        : { fault: { reason: 'UnsupportedProtocol', message: `${who} cannot be honoured: ${fault.message}` } },
    ...(fault === undefined ? {} : { fault }),
    ...(referenceFault === undefined ? {} : { referenceFault }),
  };
}

/**
 * Chooses which of the policies on a Service holds for a port: one on the port before one on the Service; the oldest;
 * by name.
 */
export function holdingPolicy<P extends TargetingPolicy>(policies: readonly P[], portName: string): P | undefined {
  return firstPolicy(policies, portName === '' ? undefined : portName) ?? firstPolicy(policies, undefined);
}

/** Chooses which of the policies with the same target holds. */
export function firstPolicy<P extends TargetingPolicy>(
  policies: readonly P[],
  portName: string | undefined,
): P | undefined {
  return policies
    .filter((policy) => policy.portName === portName)
    .toSorted((a, b) => compareText(a.createdAt, b.createdAt) || compareText(a.key, b.key))[0];
}

function ownFault(problems: string, trusts: boolean, referenceFault: Fault | undefined): Fault | undefined {
  if (problems !== '') return { reason: 'Invalid', message: problems };
  if (trusts) return undefined;
  return { reason: 'NoValidCACertificate', message: referenceFault?.message ?? 'no CA certificate is named' };
}
