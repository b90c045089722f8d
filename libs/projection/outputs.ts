// What changed in statuses and discovery since the last batch, net of what went back and forth.
import type { DesiredStatus, StatusPage } from '#libs/events/agent-exchange.ts';
import { Changes } from '#libs/derivation/changes.ts';
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';
import type { DiscoveryChange, ProjectionChange, StatusChange } from '#libs/projection/versions/projection-change.ts';
import type { PortEndpoints } from '#libs/projection/model/endpoints.ts';
import type { Stages } from '#libs/projection/stages/stages.ts';
import { StatusBook } from './status-book.ts';

interface Discovered {
  readonly hash: string;
  readonly item: DiscoveryItem;
}

export class Outputs {
  readonly #book = new StatusBook();
  /** Keys: `cluster/kind/namespace/name`. */
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
        const cluster = key.slice(0, key.indexOf('/'));
        this.#discovery.note(`ca/${cluster}/${kind}${key.slice(cluster.length)}`, before, after);
      });
    }
  }

  statuses(cluster: string, after: string | undefined, limit: number): StatusPage {
    return this.#book.page(cluster, after, limit);
  }

  /** The net changes, ordered by key. */
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
    const cluster = key.slice(0, key.indexOf('/'));
    const place = `${one.kind}/${one.namespace}/${one.name}`;
    this.#book.set(cluster, place, after);
    this.#statuses.note(`${cluster}/${place}`, before, after);
  }

  #noteEndpoints(key: string, before: readonly PortEndpoints[], after: readonly PortEndpoints[]): void {
    const old = new Map(before.map((one) => [one.port, one]));
    for (const one of after) {
      this.#discovery.note(`endpoints/${key}/${one.port}`, old.get(one.port), one);
      old.delete(one.port);
    }
    for (const one of old.values()) this.#discovery.note(`endpoints/${key}/${one.port}`, one, undefined);
  }
}

function toStatusChange(key: string, status: DesiredStatus | undefined): StatusChange {
  const [cluster = '', kind = '', namespace = '', name = ''] = key.split('/');
  return status === undefined ? { cluster, kind, namespace, name, status: null } : { cluster, ...status };
}

function toDiscoveryChange(key: string, found: Discovered | undefined): DiscoveryChange {
  const [, cluster = ''] = key.split('/');
  return { key, cluster, hash: found?.hash ?? '', item: found?.item ?? null };
}
