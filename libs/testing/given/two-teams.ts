// Sets up two teams on one cluster: one (namespace infra) has a gateway of its own and one that it shares, one
// (namespace evil) has a gateway whose objects are what hostile objects are made of.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { kinds } from '#libs/gateway/kinds.ts';
import { applied, readManifests } from './change-events.ts';
import { templates } from './hostile-objects.ts';

/**
 * Gives the team that must not notice anything. Its hostnames are below good.test, and its objects are older: where two
 * claim the same, the older wins.
 */
export function victims(): readonly ChangeEvent[] {
  return readManifests(manifests.replaceAll('metadata: {', "metadata: { creationTimestamp: '2020-01-01T00:00:00Z',"));
}

/** Gives the other team, while it behaves. */
export function hostileTeam(resourceVersion = '1'): readonly ChangeEvent[] {
  return kinds.flatMap(({ kind }) => templates(kind).map((one) => applied(one, 'eu', resourceVersion)));
}

/** Tells whether an event belongs to discovery rather than to the history. */
export function isSlice({ kind }: ChangeEvent): boolean {
  return kind === 'EndpointSlice';
}

/** Tells whether an entry of a shared gateway comes from the team that must not notice anything. */
export function isOfVictims(entryKey: string): boolean {
  return !/(^|\/)evil(\/|$|-)/u.test(entryKey);
}

const manifests = `
kind: GatewayClass
metadata: { name: good }
spec: { controllerName: fleetgate.dev/gateway-controller }
---
kind: Namespace
metadata: { name: infra }
---
kind: Gateway
metadata: { name: private, namespace: infra }
spec:
  gatewayClassName: good
  listeners:
    - { name: http, port: 80, protocol: HTTP }
    - { name: https, port: 443, protocol: HTTPS, hostname: s.good.test, tls: { certificateRefs: [{ name: pair }] } }
    - { name: tcp, port: 9000, protocol: TCP }
---
kind: Gateway
metadata: { name: shared, namespace: infra }
spec:
  gatewayClassName: good
  listeners: [{ name: http, port: 80, protocol: HTTP, allowedRoutes: { namespaces: { from: All } } }]
---
kind: Secret
metadata: { name: pair, namespace: infra }
summary:
  type: kubernetes.io/tls
  certificate:
    { fingerprint: abcdef, dnsNames: [s.good.test], notAfter: '2030-01-01T00:00:00Z', keyId: '0123456789abcdef' }
---
kind: Service
metadata: { name: svc, namespace: infra }
spec: { ports: [{ name: web, port: 80 }] }
---
kind: EndpointSlice
metadata: { name: svc-1, namespace: infra, labels: { kubernetes.io/service-name: svc } }
ports: [{ name: web, port: 8080 }]
endpoints: [{ addresses: [10.1.1.1] }]
---
kind: HTTPRoute
metadata: { name: private, namespace: infra }
spec:
  parentRefs: [{ name: private }]
  rules: [{ backendRefs: [{ name: svc, port: 80 }] }]
---
kind: HTTPRoute
metadata: { name: shared, namespace: infra }
spec:
  parentRefs: [{ name: shared }]
  hostnames: [sentinel.good.test]
  rules: [{ backendRefs: [{ name: svc, port: 80 }] }]
---
kind: TCPRoute
metadata: { name: tcp, namespace: infra }
spec:
  parentRefs: [{ name: private, sectionName: tcp }]
  rules: [{ backendRefs: [{ name: svc, port: 80 }] }]
`;
