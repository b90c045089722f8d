// Makes entries for tests: a listener, a route of one host to one backend, and where the backend is.
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';
import type { BackendEntry, Entry, HttpRuleEntry, ListenerEntry } from '#libs/snapshot/entry.ts';

const createdAt = '2026-01-01T00:00:00Z';

/** Makes an HTTP listener for all hosts. */
export function listener(port: number, options: Partial<ListenerEntry> = {}): Record<string, Entry> {
  const name = options.name ?? 'http';
  return {
    [`listener/${name}`]: {
      kind: 'listener',
      name,
      port,
      protocol: 'HTTP',
      hostname: '*',
      certificates: [],
      createdAt,
      ...options,
    },
  };
}

/** Makes a route of a host to a backend. */
export function route(
  name: string,
  hostname: string,
  service: string,
  options: Partial<HttpRuleEntry> = {},
): Record<string, Entry> {
  return {
    [`rule/HTTPRoute/default/${name}/0`]: {
      kind: 'http-rule',
      route: { kind: 'HTTPRoute', cluster: 'eu', namespace: 'default', name, createdAt },
      index: 0,
      hosts: [{ listener: 'http', hostname }],
      matches: [{ path: { type: 'PathPrefix', value: '/' }, headers: [], query: [] }],
      filters: [],
      action: { type: 'forward', backends: [{ key: backendKey(service), weight: 1, filters: [] }] },
      ...options,
    },
  };
}

/** Makes a backend by its service. */
export function backend(service: string): Record<string, BackendEntry> {
  return {
    [backendKey(service)]: {
      kind: 'backend',
      cluster: 'eu',
      namespace: 'default',
      service,
      port: 80,
      protocol: 'http',
      endpoints: endpointsKey(service),
    },
  };
}

/** Says where a service is: at these ports of this host. */
export function endpoints(service: string, ports: readonly number[]): Record<string, DiscoveryItem> {
  return {
    [endpointsKey(service)]: {
      kind: 'endpoints',
      endpoints: ports.map((port) => ({ address: '127.0.0.1', port })),
    },
  };
}

/** Gives the key of a service's backend. */
function backendKey(service: string): string {
  return `backend/eu/default/${service}/80`;
}

function endpointsKey(service: string): string {
  return `endpoints/eu/default/${service}/80`;
}
