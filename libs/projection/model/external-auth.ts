// Judges the authorization services that rules and listeners ask (GEP-1494, GEP-5224): a service that cannot be
// referred to is asked by nobody, and then nobody consents.
import { type ExternalAuthFilter, servicesAskedMax } from '#libs/gateway/filters/external-auth.ts';
import type { ListenerFilter } from '#libs/gateway/filters/listener-filter.ts';
import { describeProblem } from '#libs/gateway/problem.ts';
import type { ExternalAuth } from '#libs/snapshot/entry.ts';
import { type BackendLookup, resolveTarget, type RouteIdentity, serviceOf } from './backends.ts';
import { type Fault, listFacts, listProblems } from './conditions.ts';

/** Says what the filters of a listener come to. */
export interface ListenerFilters {
  /** As entries have them; all of them, in order, where there is no `fault`. */
  readonly filters: readonly ExternalAuth[];
  /** Why the listener is not accepted. */
  readonly fault?: Fault;
  /** Which reference is not resolved. */
  readonly references?: Fault;
  /** Keys of the backends that are asked. */
  readonly backends: readonly string[];
  /** Place keys of the Services that are referred to, rightly or not. */
  readonly services: readonly string[];
}

/** Makes of a parsed filter one of an entry. */
export function toExternalAuth(filter: ExternalAuthFilter, backend: ExternalAuth['backend']): ExternalAuth {
  const { target: _target, ...rest } = filter;
  return { ...rest, backend };
}

/** Looks up what the filters of a listener refer to, and says which of them cannot be honoured. */
export function resolveListenerFilters(
  filters: readonly ListenerFilter[],
  from: RouteIdentity,
  lookup: BackendLookup,
): ListenerFilters {
  const all = filters.map((filter, index) => resolveFilter(filter, `filters.requests[${index}]`, from, lookup));
  // Every filter that is supported asks a service.
  const surplus = filters.length > servicesAskedMax ? [tooMany] : [];
  const fault = gather([...all.flatMap((one) => one.fault ?? []), ...surplus]);
  const references = gather(all.flatMap((one) => one.references ?? []));
  return {
    filters: all.flatMap((one) => one.filter ?? []),
    ...(fault === undefined ? {} : { fault }),
    ...(references === undefined ? {} : { references }),
    backends: all.flatMap(({ filter }) =>
      filter !== undefined && 'key' in filter.backend ? [filter.backend.key] : [],
    ),
    services: all.flatMap(({ service }) => service ?? []),
  };
}

const tooMany: Fault = {
  reason: 'UnsupportedValue',
  message: `filters.requests[${servicesAskedMax}]: more than ${servicesAskedMax} services to ask are not supported`,
};

interface ResolvedFilter {
  readonly filter?: ExternalAuth;
  readonly fault?: Fault;
  readonly references?: Fault;
  readonly service?: string;
}

/** Resolves one filter; `where` names it by its index in the list, as GEP-5224 wants it named. */
function resolveFilter(
  filter: ListenerFilter,
  where: string,
  from: RouteIdentity,
  lookup: BackendLookup,
): ResolvedFilter {
  if (filter.type === 'invalid') {
    return { fault: { reason: 'InvalidListenerFilter', message: listProblems(filter.problems) } };
  }
  if (filter.type === 'unsupported')
    return { fault: { reason: 'UnsupportedValue', message: describeProblem(filter.problem) } };
  if (filter.type === 'extension') {
    const what = `${where}: ExtensionRef ${filter.reference}`;
    return {
      fault: { reason: 'UnsupportedValue', message: `${what} is not supported: no filter of that kind is known` },
      references: { reason: 'InvalidListenerFilterRef', message: `${what}: no filter is known behind it` },
    };
  }
  const { target } = filter;
  const name = serviceOf(target, from.cluster);
  const service = name === undefined ? {} : { service: name };
  const found = resolveTarget(target, 'http', from, lookup);
  if ('key' in found) return { filter: toExternalAuth(filter, found), ...service };
  const { message } = found.fault;
  const reason = found.fault.reason === 'RefNotPermitted' ? 'RefNotPermitted' : 'InvalidListenerFilterRef';
  return {
    filter: toExternalAuth(filter, { invalid: message }),
    references: { reason, message: `${where}: ExternalAuth: ${message}` },
    ...service,
  };
}

/** Makes one of several faults; the first gives the reason. */
function gather(faults: readonly Fault[]): Fault | undefined {
  const [first] = faults;
  return first && { reason: first.reason, message: listFacts(faults.map(({ message }) => message)) };
}
