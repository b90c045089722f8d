// One Gateway of ours, judged: the facts that entries, attachment and status are made from.
import type { CrossReference } from '#libs/gateway/reference-grant.ts';
import { parseGateway } from '#libs/gateway/gateway.ts';
import { kindText, type ObjectRef } from '#libs/gateway/object-ref.ts';
import { createdAt, generation } from '#libs/gateway/metadata.ts';
import type { KnownObject } from '#libs/fleet/fleet.ts';
import { gatewayGroup } from '#libs/gateway/parent-ref.ts';
import { describeProblem, type Problem } from '#libs/gateway/problem.ts';
import type { CertificateSecret } from '#libs/gateway/secret.ts';
import type { Fault } from '#libs/snapshot/conditions.ts';
import { judgeListeners, verdictOn } from '#libs/snapshot/listener-conflicts.ts';
import {
  type CertificateChoice,
  claimOf,
  draftListener,
  type ListenerDraft,
  type ListenerModel,
  toListenerModel,
} from '#libs/snapshot/listeners.ts';

export interface GatewayModel {
  readonly uid: string;
  readonly generation: number;
  readonly createdAt: string;
  readonly listeners: readonly ListenerModel[];
  /** Addresses that the user asks for. */
  readonly addresses: readonly string[];
  /** Mistakes that cost listeners, but not the Gateway. */
  readonly problems: readonly Problem[];
  /** Why the Gateway as a whole is not accepted. */
  readonly fault?: Fault;
}

/** What judging a Gateway reads. */
export interface GatewayLookup {
  readonly permitted: (cluster: string, namespace: string, reference: CrossReference) => boolean;
  /** What a Secret holds; undefined = there is none. */
  readonly certificate: (cluster: string, namespace: string, name: string) => CertificateSecret | undefined;
}

/** Judges a Gateway. */
export function evaluateGateway(known: KnownObject, lookup: GatewayLookup): GatewayModel {
  const { cluster, namespace, object } = known;
  const gateway = parseGateway(object, namespace);
  const fault = gatewayFault(gateway.listeners.length, gateway.problems);
  const drafts = gateway.listeners.map((listener) => {
    const draft = draftListener(listener, ({ certificateRefs }) =>
      certificateRefs.map((ref) => findCertificate(ref, cluster, namespace, lookup)),
    );
    return gateway.demandsClientCertificates ? withoutClientCertificates(draft) : draft;
  });
  const claims = drafts.flatMap((draft) => claimOf(draft) ?? []);
  const verdicts = judgeListeners([{ parent: 'own', kind: 'Gateway', claims }]);
  const listeners = drafts.map((draft) => toListenerModel(draft, draft.name, verdictOn(verdicts['own'], draft.name)));
  return {
    uid: known.uid,
    generation: generation(object),
    createdAt: createdAt(object),
    listeners: fault === undefined ? listeners : listeners.map(unserved),
    addresses: gateway.addresses,
    problems: gateway.problems,
    ...(fault === undefined ? {} : { fault }),
  };
}

/** Client certificates are not checked yet; serving without the check would open what the user wants closed. */
function withoutClientCertificates(draft: ListenerDraft): ListenerDraft {
  if (draft.spec?.protocol !== 'HTTPS' || draft.fault !== undefined) return draft;
  const message = 'client certificates are demanded, which is not supported yet';
  return { ...draft, fault: { reason: 'UnsupportedValue', message }, servable: false };
}

function unserved(listener: ListenerModel): ListenerModel {
  return { ...listener, served: false };
}

function gatewayFault(listenerCount: number, problems: readonly Problem[]): Fault | undefined {
  const parameters = problems.find(({ path }) => path.endsWith('parametersRef'));
  if (parameters !== undefined) return { reason: 'InvalidParameters', message: describeProblem(parameters) };
  const [problem] = problems;
  if (listenerCount > 0) return undefined;
  return { reason: 'Invalid', message: problem === undefined ? 'no listeners' : describeProblem(problem) };
}

function findCertificate(
  ref: ObjectRef,
  cluster: string,
  gatewayNamespace: string,
  lookup: GatewayLookup,
): CertificateChoice {
  const { group, kind, namespace, name } = ref;
  if (group !== '' || kind !== 'Secret') return invalid(`${kindText(ref)} is not supported; Secret is`);
  const reference = {
    fromGroup: gatewayGroup,
    fromKind: 'Gateway',
    fromNamespace: gatewayNamespace,
    toGroup: '',
    toKind: 'Secret',
    toName: name,
  };
  if (namespace !== gatewayNamespace && !lookup.permitted(cluster, namespace, reference)) {
    const message = `no ReferenceGrant in ${namespace} allows the reference to Secret ${namespace}/${name}`;
    return { fault: { reason: 'RefNotPermitted', message } };
  }
  const secret = lookup.certificate(cluster, namespace, name);
  if (secret === undefined) return invalid(`Secret ${namespace}/${name} does not exist`);
  if ('problem' in secret) return invalid(`Secret ${namespace}/${name}: ${secret.problem}`);
  return { key: `tls/${cluster}/${namespace}/${name}` };
}

function invalid(message: string): CertificateChoice {
  return { fault: { reason: 'InvalidCertificateRef', message } };
}
