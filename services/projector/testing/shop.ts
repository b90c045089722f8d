// Makes objects for the projector's tests: one gateway in `eu/infra/web`, a Service, and any number of routes.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import type { DecisionEvent, GatewayCommand } from '#libs/events/operator-event.ts';
import { applied, deleted, type Manifest } from '#libs/testing/given/change-events.ts';

export const gateway = 'eu/infra/web';

const gatewayClass: Manifest = {
  kind: 'GatewayClass',
  metadata: { name: 'fleetgate' },
  spec: { controllerName: 'fleetgate.dev/gateway-controller' },
};
const web: Manifest = {
  kind: 'Gateway',
  metadata: { name: 'web', namespace: 'infra' },
  spec: {
    gatewayClassName: 'fleetgate',
    listeners: [{ name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } }],
  },
};
const service: Manifest = {
  kind: 'Service',
  metadata: { name: 'shop', namespace: 'shop' },
  spec: { ports: [{ name: 'web', port: 80 }] },
};

/** Makes the class, the gateway and the service. */
export function platform(cluster = 'eu'): readonly ChangeEvent[] {
  return [applied(gatewayClass, cluster), applied(web, cluster), applied(service, cluster)];
}

/** Makes a route of `shop` with one path; `version` is resourceVersion and part of the path. */
export function route(name: string, version: number, cluster = 'eu'): ChangeEvent {
  return applied(routeManifest(name, version), cluster, `${version}`);
}

export function routeGone(name: string, version: number, cluster = 'eu'): ChangeEvent {
  return deleted(routeManifest(name, version), cluster, `${version}`);
}

export function gatewayGone(version: number): ChangeEvent {
  return deleted(web, 'eu', `${version}`);
}

export function gatewayBack(version: number): ChangeEvent {
  return applied({ ...web, metadata: { name: 'web', namespace: 'infra', uid: `web-${version}` } }, 'eu', `${version}`);
}

/** Makes the gateway as it was, with labels. */
export function gatewayLabelled(version: number, labels: Readonly<Record<string, string>>): ChangeEvent {
  return applied({ ...web, metadata: { name: 'web', namespace: 'infra', labels } }, 'eu', `${version}`);
}

/** Makes the gateway as it was, with annotations. */
export function gatewayAnnotated(version: number, annotations: Readonly<Record<string, string>>): ChangeEvent {
  return applied({ ...web, metadata: { name: 'web', namespace: 'infra', annotations } }, 'eu', `${version}`);
}

/** Makes a slice with the ready addresses of the service. */
export function slice(version: number, ...addresses: readonly string[]): ChangeEvent {
  const manifest = {
    kind: 'EndpointSlice',
    metadata: { name: 'shop-1', namespace: 'shop', labels: { 'kubernetes.io/service-name': 'shop' } },
    addressType: 'IPv4',
    ports: [{ name: 'web', port: 8080 }],
    endpoints: addresses.map((address) => ({ addresses: [address] })),
  };
  return applied(manifest, 'eu', `${version}`);
}

/** Makes a Secret as an agent sends it, with sealed material; `leak` adds what no agent should send. */
export function secret(version: number, leak: Readonly<Record<string, unknown>> = {}): ChangeEvent {
  const manifest = {
    kind: 'Secret',
    metadata: { name: 'tls', namespace: 'infra' },
    summary: {
      type: 'kubernetes.io/tls',
      certificate: {
        fingerprint: `fingerprint-${version}`,
        dnsNames: ['a.example'],
        notAfter: '2030-01-01T00:00:00Z',
        keyId: 'k',
      },
    },
    ...leak,
  };
  return {
    ...applied(manifest, 'eu', `${version}`),
    sealed: { keyId: 'k', enc: 'RU5D', ciphertext: `U0VBTEVE${version}` },
  };
}

let commands = 0;

/** Makes a command on the gateway. */
export function command(
  fields: { readonly type: 'rollback'; readonly to: number | null } | { readonly type: 'release' | 'accept' },
  more: Partial<Pick<GatewayCommand, 'actor' | 'expect' | 'force' | 'breakGlass' | 'confirm' | 'reason'>> = {},
): GatewayCommand {
  commands += 1;
  return {
    v: 2,
    id: `command-${commands}`,
    gateway,
    actor: { name: 'ann', role: 'operator' },
    at: '2026-01-02T00:00:00Z',
    expiresAt: '2099-01-01T00:00:00Z',
    reason: 'a test',
    ...more,
    ...fields,
  };
}

/** Makes the decision of a person about a request. */
export function decision(type: DecisionEvent['type'], request: string, name: string): DecisionEvent {
  commands += 1;
  return {
    v: 2,
    id: `command-${commands}`,
    gateway,
    actor: { name, role: 'operator' },
    at: '2026-01-02T00:00:00Z',
    expiresAt: '2099-01-01T00:00:00Z',
    type,
    request,
  };
}

function routeManifest(name: string, version: number): Manifest {
  return {
    kind: 'HTTPRoute',
    metadata: { name, namespace: 'shop', generation: version },
    spec: {
      parentRefs: [{ name: 'web', namespace: 'infra' }],
      hostnames: [`${name}.example.com`],
      rules: [{ matches: [{ path: { value: `/v${version}` } }], backendRefs: [{ name: 'shop', port: 80 }] }],
    },
  };
}

/** What the agent of the cluster says of itself. */
export const heartbeat = {
  cluster: 'eu',
  clusterUid: 'uid-of-eu',
  version: '1',
  source: 'folder',
  synced: true,
  objects: 3,
  problems: ['a.yaml:3: bad'],
};
