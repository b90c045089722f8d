// Resolves what a Gateway demands of the certificates of clients, port by port (GatewaySpec.tls.frontend).
import type { FrontendTls, FrontendValidation } from '#libs/gateway/fields/frontend-tls.ts';
import { type Fault, listFacts, listProblems } from './conditions.ts';
import type { ClientValidation } from '#libs/snapshot/entry.ts';
import { findAuthority, type ObjectLookup, type Referrer } from './object-lookup.ts';

/** Says what an HTTPS listener gets from the port that it is on; nothing at all = no certificate is asked for. */
export interface ClientDemand {
  readonly validation?: ClientValidation;
  /** For ResolvedRefs. */
  readonly references?: Fault;
  /** Why a listener with it cannot be served. */
  readonly fault?: Fault;
}

export interface ClientDemands {
  readonly general: ClientDemand;
  /** Keys: ports that have their own. */
  readonly perPort: Readonly<Record<number, ClientDemand>>;
  /** Whether connections are taken without a valid certificate somewhere where one is asked for. */
  readonly insecure: boolean;
}

/** Looks up what spec.tls.frontend names. */
export function resolveClientDemands(frontend: FrontendTls, from: Referrer, lookup: ObjectLookup): ClientDemands {
  const all = [frontend.default, ...frontend.perPort.map(({ validation }) => validation)];
  return {
    general: resolve(frontend.default, from, lookup),
    perPort: Object.fromEntries(
      frontend.perPort.map(({ port, validation }) => [port, resolve(validation, from, lookup)]),
    ),
    insecure: all.some((one) => one !== undefined && 'mode' in one && one.mode === 'AllowInsecureFallback'),
  };
}

/** Finds what is demanded on a port. */
export function clientDemandOn({ general, perPort }: ClientDemands, port: number): ClientDemand {
  return perPort[port] ?? general;
}

function resolve(validation: FrontendValidation | undefined, from: Referrer, lookup: ObjectLookup): ClientDemand {
  if (validation === undefined) return {};
  if ('problems' in validation) {
    const message = listProblems(validation.problems);
    return { fault: { reason: 'UnsupportedValue', message } };
  }
  const choices = validation.authorities.map((ref) => findAuthority(ref, from, lookup));
  const faults = choices.flatMap((choice) => ('fault' in choice ? [choice.fault] : []));
  const authorities = [...new Set(choices.flatMap((choice) => ('key' in choice ? [choice.key] : [])))];
  const [first] = faults;
  const message = listFacts(faults.map((fault) => fault.message));
  const references = first === undefined ? {} : { references: { reason: first.reason, message } };
  if (authorities.length === 0) {
    const none = `no CA certificate for those of clients is valid: ${message}`;
    return { ...references, fault: { reason: 'NoValidCACertificate', message: none } };
  }
  return { ...references, validation: { authorities, mode: validation.mode } };
}
