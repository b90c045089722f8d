// What the probe does to a cluster and to its gateway: creates objects, sends requests, sums quantiles.
import { Agent, get as httpGet } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { AppsV1Api, CoreV1Api, CustomObjectsApi, KubeConfig } from '@kubernetes/client-node';
import { z } from 'zod';
import { quantile } from '#libs/testing/quantile.ts';

const api = { group: 'gateway.networking.k8s.io', version: 'v1', namespace: 'probe' } as const;
const requestTimeoutMs = 5000;

export type Backends = readonly (readonly [name: string, weight: number])[];

export class ProbeCluster {
  readonly #core: CoreV1Api;
  readonly #apps: AppsV1Api;
  readonly #custom: CustomObjectsApi;
  readonly #className: string;

  constructor(kubeconfig: string, className: string) {
    const config = new KubeConfig();
    config.loadFromFile(kubeconfig);
    this.#core = config.makeApiClient(CoreV1Api);
    this.#apps = config.makeApiClient(AppsV1Api);
    this.#custom = config.makeApiClient(CustomObjectsApi);
    this.#className = className;
  }

  /**
   * Makes namespace, echo backends and Gateway; resolves to the Gateway's first address once it is programmed (at most
   * 120 s).
   */
  async prepare(): Promise<string> {
    await this.#core.createNamespace({ body: { metadata: { name: 'probe' } } });
    for (const name of ['echo-a', 'echo-b']) await this.#createEcho(name);
    const spec = { gatewayClassName: this.#className, listeners: [{ name: 'http', port: 80, protocol: 'HTTP' }] };
    const body = {
      apiVersion: 'gateway.networking.k8s.io/v1',
      kind: 'Gateway',
      metadata: { name: 'probe', namespace: 'probe' },
      spec,
    };
    await this.#custom.createNamespacedCustomObject({ ...api, plural: 'gateways', body });
    for (let i = 0; i < 1200; i++, await sleep(100)) {
      const gateway: unknown = await this.#custom.getNamespacedCustomObject({
        ...api,
        plural: 'gateways',
        name: 'probe',
      });
      const address = programmedAddress(gateway);
      if (address !== undefined) return address;
    }
    throw new Error('the Gateway was not programmed within 120 s');
  }

  createRoute(name: string): Promise<unknown> {
    return this.#custom.createNamespacedCustomObject({
      ...api,
      plural: 'httproutes',
      body: probeRoute(name, [['echo-a', 1]]),
    });
  }

  changeRoute(name: string, backends: Backends): Promise<unknown> {
    const body = [{ op: 'replace', path: '/spec/rules', value: probeRoute(name, backends).spec.rules }];
    return this.#custom.patchNamespacedCustomObject({ ...api, plural: 'httproutes', name, body });
  }

  async remove(): Promise<void> {
    await this.#core.deleteNamespace({ name: 'probe' });
  }

  async #createEcho(name: string): Promise<void> {
    const labels = { app: name };
    const containers = [{ name: 'echo', image: 'echo-basic', env: [{ name: 'POD_NAME', value: name }] }];
    const spec = {
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    };
    await this.#apps.createNamespacedDeployment({ namespace: 'probe', body: { metadata: { name }, spec } });
    const service = { selector: labels, ports: [{ port: 8080, targetPort: 3000 }] };
    await this.#core.createNamespacedService({ namespace: 'probe', body: { metadata: { name }, spec: service } });
  }
}

function probeRoute(name: string, backends: Backends) {
  const backendRefs = backends.map(([backend, weight]) => ({ name: backend, port: 8080, weight }));
  const rules = [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }], backendRefs }];
  return {
    apiVersion: 'gateway.networking.k8s.io/v1',
    kind: 'HTTPRoute',
    metadata: { name, namespace: 'probe' },
    spec: { parentRefs: [{ name: 'probe' }], hostnames: [`${name}.example.com`], rules },
  };
}

const gatewayStatus = z.object({
  status: z.object({
    addresses: z.array(z.object({ value: z.string() })),
    conditions: z.array(z.object({ type: z.string(), status: z.string() })),
  }),
});

function programmedAddress(gateway: unknown): string | undefined {
  const { data } = gatewayStatus.safeParse(gateway);
  const programmed = data?.status.conditions.some(({ type, status }) => type === 'Programmed' && status === 'True');
  return programmed ? data?.status.addresses[0]?.value : undefined;
}

const keepAlive = new Agent({ keepAlive: true, maxSockets: 64 });

/** The answer's status code, or the code of the error. */
export function get(address: string, host: string): Promise<number | string> {
  return new Promise((done) => {
    const options = {
      host: address,
      port: 80,
      path: '/',
      agent: keepAlive,
      headers: { host },
      timeout: requestTimeoutMs,
    };
    const request = httpGet(options, (response) => {
      response.resume();
      response.on('end', () => done(response.statusCode ?? 0));
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
  });
}

/** Whole ms. */
export function quantiles(times: readonly number[]): Readonly<Record<'p50' | 'p90' | 'p99' | 'max', number>> {
  const at = (share: number): number => (times.length === 0 ? 0 : Math.round(quantile(times, share)));
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}
