// What benchmarks of the projector begin with: one Gateway with one listener, and small routes of it.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { applied } from '#libs/testing/given/change-events.ts';

/** Gives the class, and the Gateway that every namespace's routes may name. */
export function webGateway(): readonly ChangeEvent[] {
  const listeners = [{ name: 'http', port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } }];
  return [
    applied({
      kind: 'GatewayClass',
      metadata: { name: 'fleetgate' },
      spec: { controllerName: 'fleetgate.dev/gateway-controller' },
    }),
    applied({
      kind: 'Gateway',
      metadata: { name: 'web', namespace: 'infra' },
      spec: { gatewayClassName: 'fleetgate', listeners },
    }),
  ];
}

/** Gives a Service of the namespace `shop`. */
export function shopService(name: string): ChangeEvent {
  return applied({
    kind: 'Service',
    metadata: { name, namespace: 'shop' },
    spec: { ports: [{ name: 'web', port: 80 }] },
  });
}

/** Gives a route with a hostname of its own; each version of it is another. */
export function smallRoute(index: number, version: number): ChangeEvent {
  const rules = [{ matches: [{ path: { value: `/v${version}` } }], backendRefs: [{ name: 'shop', port: 80 }] }];
  const spec = { parentRefs: [{ name: 'web', namespace: 'infra' }], hostnames: [`r${index}.example.com`], rules };
  return applied(
    { kind: 'HTTPRoute', metadata: { name: `r${index}`, namespace: 'shop', generation: version }, spec },
    'eu',
    `${version}`,
  );
}
