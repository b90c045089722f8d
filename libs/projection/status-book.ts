// Holds the desired statuses by cluster, in the order in which agents read them.
import type { DesiredStatus, StatusPage } from '#libs/events/agent-exchange.ts';
import { firstAfter } from '#libs/fleet/fleet.ts';

interface ClusterStatuses {
  readonly byKey: Map<string, DesiredStatus>;
  sorted: readonly string[] | undefined;
}

export class StatusBook {
  readonly #clusters = new Map<string, ClusterStatuses>();

  set(cluster: string, key: string, status: DesiredStatus | undefined): void {
    let statuses = this.#clusters.get(cluster);
    if (statuses === undefined) this.#clusters.set(cluster, (statuses = { byKey: new Map(), sorted: undefined }));
    if (statuses.byKey.has(key) !== (status !== undefined)) statuses.sorted = undefined;
    if (status === undefined) statuses.byKey.delete(key);
    else statuses.byKey.set(key, status);
  }

  /** Gives a page of a cluster's statuses after a key. */
  page(cluster: string, after: string | undefined, limit: number): StatusPage {
    const statuses = this.#clusters.get(cluster);
    if (statuses === undefined) return { items: [] };
    const sorted = (statuses.sorted ??= [...statuses.byKey.keys()].toSorted());
    const start = after === undefined ? 0 : firstAfter(sorted, after);
    const keys = sorted.slice(start, start + limit);
    const items = keys.flatMap((key) => statuses.byKey.get(key) ?? []);
    const next = keys.at(-1);
    return start + limit < sorted.length && next !== undefined ? { items, next } : { items };
  }
}
