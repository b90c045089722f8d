// Gives tests a projection with the memory that Postgres is to the projector, and a small fleet to tell histories of.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import type { GatewayCommand, OperatorEvent } from '#libs/events/operator-event.ts';
import { Projection } from '#libs/projection/projection.ts';
import type { Limits } from '#libs/projection/versions/limits.ts';
import type { ProjectionChange } from '#libs/projection/versions/projection-change.ts';
import type { SealedItem } from '#libs/projection/model/delivery/sealed-item.ts';
import type { VersionContent } from '#libs/projection/versions/gateway-head.ts';
import { applied, deleted, type Manifest } from './change-events.ts';

export const id = 'eu/infra/web';

/** A projection with the memory that Postgres is to the projector. */
export class Given {
  readonly projection: Projection;
  readonly contents: VersionContent[] = [];
  #revision = 0;

  constructor(limits: Partial<Limits> = {}) {
    this.projection = new Projection({ limits });
  }

  apply(
    manifests: readonly Manifest[] = [],
    gone: readonly Manifest[] = [],
    operations: readonly OperatorEvent[] = [],
  ) {
    this.#revision += 1;
    return this.fold([
      ...manifests.map((one) => applied(one, 'eu', `${this.#revision}`)),
      ...gone.map((one) => deleted(one, 'eu', `${this.#revision}`)),
      ...operations,
    ]);
  }

  fold(
    events: readonly (ChangeEvent | OperatorEvent)[],
    rest: { slices?: readonly ChangeEvent[]; sealed?: readonly SealedItem[] } = {},
  ): ProjectionChange {
    const batch = { events: events.map((event, i) => ({ seq: BigInt(i), event })), slices: [], sealed: [], ...rest };
    const change = this.projection.apply(batch, (_, version) => this.content(version));
    const content = this.projection.content(id);
    for (const version of change.versions)
      if (version.gateway === id && content) this.contents[version.version] = content;
    return change;
  }

  content(version: number): VersionContent {
    const content = this.contents[version];
    if (content === undefined) throw new Error(`there is no version ${version}`);
    return content;
  }

  head() {
    const head = this.projection.gatewayHead(id);
    return head && [head.head, head.serving, head.pinned, head.deleted, head.alarm === null ? null : 'alarm'];
  }

  digests() {
    return this.contents.flatMap(({ digest }, version) => [{ version, digest }]);
  }

  /** Gives the conditions of one status as `type=status reason: message`. */
  conditions(kind: string, name: string): readonly string[] {
    const found = this.projection
      .statuses('eu', undefined, 1000)
      .items.find((one) => one.kind === kind && one.name === name);
    return conditionsOf(found?.status['conditions']);
  }
}

function conditionsOf(list: unknown): readonly string[] {
  if (!Array.isArray(list)) return [];
  return list.map((one: Readonly<Record<string, unknown>>) => {
    const [type, status, reason, message] = ['type', 'status', 'reason', 'message'].map((field) => String(one[field]));
    return `${type}=${status} ${reason}: ${message}`.replace(/: $/, '');
  });
}

export const gatewayClass = {
  kind: 'GatewayClass',
  metadata: { name: 'f' },
  spec: { controllerName: 'fleetgate.dev/gateway-controller' },
};
export const gateway = (generation = 1, port = 80): Manifest => ({
  kind: 'Gateway',
  metadata: { name: 'web', namespace: 'infra', generation },
  spec: { gatewayClassName: 'f', listeners: [{ name: 'http', port, protocol: 'HTTP' }] },
});
export const service = {
  kind: 'Service',
  metadata: { name: 'svc', namespace: 'infra' },
  spec: { ports: [{ name: 'web', port: 80 }] },
};
export const route = (name: string, path = '/'): Manifest => ({
  kind: 'HTTPRoute',
  metadata: { name, namespace: 'infra' },
  spec: {
    parentRefs: [{ name: 'web' }],
    hostnames: [`${name}.example.com`],
    rules: [{ matches: [{ path: { value: path } }], backendRefs: [{ name: 'svc', port: 80 }] }],
  },
});
export const slice = (addresses: readonly string[]): Manifest => ({
  kind: 'EndpointSlice',
  metadata: { name: 's', namespace: 'infra', labels: { 'kubernetes.io/service-name': 'svc' } },
  ports: [{ name: 'web', port: 8080 }],
  endpoints: addresses.map((address) => ({ addresses: [address] })),
});
export const routes = (count: number): readonly Manifest[] => Array.from({ length: count }, (_, i) => route(`r${i}`));
export const base = [gatewayClass, gateway(), service];
export const operation = {
  v: 2,
  id: 'c1',
  gateway: id,
  actor: { name: 'ann', role: 'operator' },
  at: '2026-01-01T00:00:00Z',
  expiresAt: '2099-01-01T00:00:00Z',
} as const;
export const rollback = (to: number): GatewayCommand => ({ ...operation, type: 'rollback', to });
export const release: GatewayCommand = { ...operation, type: 'release' };
export const accept: GatewayCommand = { ...operation, type: 'accept' };
