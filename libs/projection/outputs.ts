// Gathers what changed in statuses and discovery since the last batch, net of what went back and forth.
import type { DesiredStatus, StatusPage } from '#libs/events/agent-exchange.ts';
import { Changes } from '#libs/derivation/changes.ts';
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';
import type { DiscoveryChange, ProjectionChange, StatusChange } from '#libs/projection/versions/projection-change.ts';
import type { PortEndpoints } from '#libs/projection/model/endpoints.ts';
import type { Stages } from '#libs/projection/stages/stages.ts';
import { StatusBook } from './status-book.ts';
import { clusterOf, parseObjectKey, parsePlaceKey, toLocalKey, toObjectKey } from '#libs/gateway/object-key.ts';
import { clusterOfDiscovery, toAuthorityKey, toEndpointsKey } from '#libs/snapshot/discovery-key.ts';

interface Discovered {
  readonly hash: string;
  readonly item: DiscoveryItem;
}

export class Outputs {
  readonly #book = new StatusBook();
  /** Keys: object keys. */
  readonly #statuses = new Changes<DesiredStatus>();
  readonly #discovery = new Changes<Discovered>();

  constructor(stages: Stages) {
    for (const stage of stages.statuses) {
      stage.observe((key, before, after) => this.#noteStatus(key, before, after));
    }
    stages.discovery.endpoints.observe((key, before, after) => this.#noteEndpoints(key, before ?? [], after ?? []));
    stages.discovery.tls.observe((key, before, after) => this.#discovery.note(key, before, after));
    for (const { kind, stage } of stages.discovery.authorities) {
      stage.observe((key, before, after) => {
        this.#discovery.note(toAuthorityKey({ ...parsePlaceKey(key), kind }), before, after);
      });
    }
  }

  statuses(cluster: string, after: string | undefined, limit: number): StatusPage {
    return this.#book.page(cluster, after, limit);
  }

  /** Gives the net changes, ordered by key, and starts anew. */
  drain(): Pick<ProjectionChange, 'statuses' | 'discovery'> {
    return {
      statuses: this.#statuses.drain().map(([key, status]) => toStatusChange(key, status)),
      discovery: this.#discovery.drain().map(([key, found]) => toDiscoveryChange(key, found)),
    };
  }

  discard(): void {
    this.#statuses.drain();
    this.#discovery.drain();
  }

  #noteStatus(key: string, before: DesiredStatus | undefined, after: DesiredStatus | undefined): void {
    const one = after ?? before;
    if (one === undefined) return;
    const cluster = clusterOf(key);
    this.#book.set(cluster, toLocalKey(one), after);
    this.#statuses.note(toObjectKey({ cluster, ...one }), before, after);
  }

  #noteEndpoints(key: string, before: readonly PortEndpoints[], after: readonly PortEndpoints[]): void {
    const { name: service, ...place } = parsePlaceKey(key);
    const keyOf = ({ port, transport }: PortEndpoints): string =>
      toEndpointsKey({ ...place, service, port, transport });
    const old = new Map(before.map((one) => [keyOf(one), one]));
    for (const one of after) {
      const portKey = keyOf(one);
      this.#discovery.note(portKey, old.get(portKey), one);
      old.delete(portKey);
    }
    for (const [portKey, one] of old) this.#discovery.note(portKey, one, undefined);
  }
}

function toStatusChange(key: string, status: DesiredStatus | undefined): StatusChange {
  const { cluster, kind, namespace, name } = parseObjectKey(key);
  return status === undefined ? { cluster, kind, namespace, name, status: null } : { cluster, ...status };
}

function toDiscoveryChange(key: string, found: Discovered | undefined): DiscoveryChange {
  return { key, cluster: clusterOfDiscovery(key), hash: found?.hash ?? '', item: found?.item ?? null };
}
