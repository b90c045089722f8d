// Measures how long the projection takes for one changed route on a gateway with many. Prints one line for each size;
// nothing here depends on a database or a network.
//
//   npx node loadtest/projection-bench.ts [routes…] [--record]    # also records which stages run
import { applied, type Manifest } from '#libs/testing/given/change-events.ts';
import { quantile } from '#libs/testing/quantile.ts';
import { Projection } from '#libs/projection/projection.ts';

const rounds = 400;
const records = process.argv.includes('--record');
const noVersion = (): never => {
  throw new Error('no rollback here');
};

for (const size of sizes()) measure(size);

function sizes(): readonly number[] {
  const asked = process.argv.slice(2).map(Number).filter(Number.isInteger);
  return asked.length > 0 ? asked : [0, 1000, 3000, 10_000];
}

function measure(size: number): void {
  const projection = new Projection();
  const startedAt = performance.now();
  const heapBefore = heap();
  apply(projection, [...base(), ...Array.from({ length: size }, (_, i) => route(i, 'svc-0'))], 1);
  const loadedMs = performance.now() - startedAt;
  const heapMb = (heap() - heapBefore) / 1024 / 1024;
  const times: number[] = [];
  const executed = projection.executions;
  for (let round = 0; round < rounds; round++) {
    const manifest = route(size + 1, `svc-${round % 2}`);
    const begun = performance.now();
    apply(projection, [manifest], round + 2);
    times.push(performance.now() - begun);
  }
  const at = (share: number): string => quantile(times.slice(rounds / 4), share).toFixed(3);
  const stages = ((projection.executions - executed) / rounds).toFixed(1);
  const built = `built in ${loadedMs.toFixed(0)} ms, ${heapMb.toFixed(0)} MB`;
  process.stdout.write(
    `${size} routes: one change p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${stages} stages; ${built}\n`,
  );
}

function apply(projection: Projection, manifests: readonly Manifest[], version: number): void {
  const events = manifests.map((manifest, i) => ({ seq: BigInt(i), event: applied(manifest, 'eu', `${version}`) }));
  const act = (): unknown => projection.apply({ events, slices: [], sealed: [] }, noVersion);
  if (records) projection.record(() => performance.now(), act);
  else act();
}

function heap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

function base(): readonly Manifest[] {
  const listener = { port: 80, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } };
  return [
    {
      kind: 'GatewayClass',
      metadata: { name: 'fleetgate' },
      spec: { controllerName: 'fleetgate.dev/gateway-controller' },
    },
    {
      kind: 'Gateway',
      metadata: { name: 'web', namespace: 'infra' },
      spec: { gatewayClassName: 'fleetgate', listeners: [{ ...listener, name: 'http' }] },
    },
    service('svc-0'),
    service('svc-1'),
  ];
}

function service(name: string): Manifest {
  return { kind: 'Service', metadata: { name, namespace: 'shop' }, spec: { ports: [{ port: 80 }] } };
}

function route(index: number, backend: string): Manifest {
  return {
    kind: 'HTTPRoute',
    metadata: { name: `route-${index}`, namespace: 'shop' },
    spec: {
      parentRefs: [{ name: 'web', namespace: 'infra' }],
      hostnames: [`host-${index}.example.com`],
      rules: [{ matches: [{ path: { value: '/api' } }], backendRefs: [{ name: backend, port: 80 }] }],
    },
  };
}
