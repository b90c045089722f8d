// For tests: entries and discovery items as small as they go.
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';

/** Makes a rule. */
export function ruleEntry(name: string, path: string, backend: string): unknown {
  return {
    kind: 'http-rule',
    route: { kind: 'HTTPRoute', cluster: 'eu', namespace: 'shop', name, createdAt: '2026-01-01T00:00:00Z' },
    index: 0,
    hosts: [{ listener: 'http', hostname: '*' }],
    matches: [{ path: { type: 'PathPrefix', value: path }, headers: [], query: [] }],
    filters: [],
    action: { type: 'forward', backends: [{ key: backend, weight: 1, filters: [] }] },
  };
}

/** Makes a backend of namespace shop. */
export function backendEntry(service: string): unknown {
  return {
    kind: 'backend',
    cluster: 'eu',
    namespace: 'shop',
    service,
    port: 80,
    protocol: 'http',
    endpoints: `endpoints/eu/shop/${service}/80`,
  };
}

/** An entry of each kind: a listener with a certificate, a rule, its backend. */
export const firstEntries: Readonly<Record<string, unknown>> = {
  'listener/https': {
    kind: 'listener',
    name: 'https',
    port: 443,
    protocol: 'HTTPS',
    hostname: '*',
    certificates: ['tls/eu/infra/cert'],
    createdAt: '2026-01-01T00:00:00Z',
  },
  'rule/HTTPRoute/shop/web/0': ruleEntry('web', '/', 'backend/eu/shop/web/80'),
  'backend/eu/shop/web/80': backendEntry('web'),
};

export const certificate: DiscoveryItem = {
  kind: 'tls',
  fingerprint: 'f1',
  sealed: { keyId: 'k', enc: 'e', ciphertext: 'c' },
};

/** Makes an item with one endpoint. */
export function endpointsAt(address: string): DiscoveryItem {
  return { kind: 'endpoints', endpoints: [{ address, port: 8080 }] };
}
