// Puts random wishes for consent on the listeners, rules and backends of a route set, and says what the services that
// tests run decide: by headers that a test sends, so that both sides know it.
import * as fc from 'fast-check';
import type { AskedRequest, Decision } from '#libs/testing/peers/auth-service.ts';
import type { Entry, ExternalAuth, HttpFilter } from '#libs/snapshot/entry.ts';
import { backendEntry } from './entries.ts';
import type { RouteSet } from './route-sets.ts';

export const authServices = { http: 'auth-http', grpc: 'auth-grpc' } as const;
/** Names the protocol whose service refuses. */
export const refusingHeader = 'x-refuse';
/** Where the client sends it, the HTTP service asked by a listener sets `x-a` to `1`: rules match on it. */
export const changingHeader = 'x-change';
/** By which an HTTP service knows that a listener asks. */
const listenerPrefix = '/listener';

/** Choices that become wishes once there is a route set. */
export const consentChoice: fc.Arbitrary<readonly number[]> = fc.array(fc.nat(99), { minLength: 40, maxLength: 40 });

/** Gives the route set with wishes for consent, and the services in every gateway. */
export function withConsents({ gateways }: RouteSet, choices: readonly number[]): RouteSet {
  let at = 0;
  const next = (): number => choices[(at += 1) % choices.length] ?? 0;
  const services = Object.entries(authServices).map(([, name]) => backendEntry(name));
  return {
    gateways: gateways.map(({ gateway, entries }) => ({
      gateway,
      entries: new Map<string, Entry>([
        ...services,
        ...[...entries].map(([key, entry]) => [key, wanting(entry, next)] as const),
      ]),
    })),
  };
}

function wanting(entry: Entry, next: () => number): Entry {
  if (entry.kind === 'listener') {
    const filters = wishes(next(), 45, { pathPrefix: listenerPrefix });
    return filters.length === 0 ? entry : { ...entry, filters };
  }
  if (entry.kind !== 'http-rule') return entry;
  const { action } = entry;
  const filters: readonly HttpFilter[] = [...wishes(next(), 45, {}), ...entry.filters];
  if (action.type !== 'forward') return { ...entry, filters };
  const backends = action.backends.map((backend) => ({
    ...backend,
    filters: [...backend.filters, ...wishes(next(), 75, {})],
  }));
  return { ...entry, filters, action: { ...action, backends } };
}

/** Gives none for choices below `none`. */
function wishes(choice: number, none: number, more: Partial<ExternalAuth>): readonly ExternalAuth[] {
  if (choice < none) return [];
  const all = [
    ['http'],
    ['grpc'],
    ['http', 'grpc'],
    ['grpc', 'http', 'http'],
    ['invalid'],
    ['http', 'absent'],
  ] as const;
  return (all[choice % all.length] ?? []).map((one): ExternalAuth => {
    const protocol = one === 'grpc' ? 'grpc' : 'http';
    const backend = one === 'invalid' ? { invalid: 'RefNotPermitted' } : { key: backendEntry(serviceOf(one))[0] };
    const allowedHeaders = protocol === 'http' ? [changingHeader, refusingHeader] : [];
    return {
      type: 'external-auth',
      protocol,
      backend,
      allowedHeaders,
      bodyMax: 0,
      ...(protocol === 'http' ? more : {}),
    };
  });
}

function serviceOf(one: 'http' | 'grpc' | 'absent'): string {
  return one === 'absent' ? 'auth-absent' : authServices[one];
}

/** Decides as the services do. */
export function decideBy(protocol: ExternalAuth['protocol'], { path, headers }: AskedRequest): Decision {
  if (headers[refusingHeader] === protocol) return { status: 403, headers: { 'x-refused-by': protocol } };
  const changes = protocol === 'http' && path.startsWith(listenerPrefix) && headers[changingHeader] !== undefined;
  return { status: 200, headers: { [`x-consent-${protocol}`]: 'yes', ...(changes ? { 'x-a': '1' } : {}) } };
}
