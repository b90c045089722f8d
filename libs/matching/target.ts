// Finds the backends that rules name, and the services that are asked for consent. What a service says is not known
// here: an explanation goes on as if it consented, and changed nothing.
import { servicesAskedMax } from '#libs/gateway/filters/external-auth.ts';
import type { BackendEntry, HttpFilter } from '#libs/snapshot/entry.ts';
import type { Consent, Target } from './verdict.ts';

/** Gives a gateway's backend by its entry key. */
export type FindBackend = (key: string) => BackendEntry | undefined;

/** Says which backend a rule's choice is, and how it is spoken to, or why it is none. */
export function targetOf(choice: Target, find: FindBackend): Target {
  if ('invalid' in choice) return { invalid: choice.invalid };
  const backend = find(choice.key);
  if (backend === undefined) return { invalid: `there is no ${choice.key}` };
  return backend.tls === undefined ? { key: choice.key } : { key: choice.key, tls: backend.tls };
}

/** The consents that are wanted, in order, or why requests are answered 500 in place of them. */
export type Consents = { readonly consents: readonly Consent[] } | { readonly problem: string };

/** Reads the filters of one listener, rule or backend; `before` = how many are asked after routing anyway. */
export function consentsOf(
  by: Consent['by'],
  filters: readonly HttpFilter[],
  findBackend: FindBackend,
  before = 0,
): Consents {
  const consents: Consent[] = [];
  for (const [index, filter] of filters.entries()) {
    if (filter.type !== 'external-auth') continue;
    const { protocol, backend, pathPrefix, bodyMax } = filter;
    const service = targetOf(backend, findBackend);
    if ('invalid' in service) return nobody(service.invalid);
    const prefix = pathPrefix === undefined ? {} : { pathPrefix };
    const outcome = { refused: 'the answer of the service', failed: 403 } as const;
    consents.push({ by, index, protocol, service, ...prefix, bodyMax, ...outcome });
  }
  if (before + consents.length <= servicesAskedMax) return { consents };
  return { problem: `more than ${servicesAskedMax} services are to be asked for consent` };
}

function nobody(reason: string): Consents {
  return { problem: `nobody can be asked for consent: ${reason}` };
}
