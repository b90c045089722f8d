// Makes of changed statuses the messages per cluster that NATS takes.
import type { DesiredStatus, StatusPage } from '#libs/events/agent-exchange.ts';
import type { Projection } from '#libs/projection/projection.ts';
import type { StatusChange } from '#libs/projection/versions/projection-change.ts';
import { toLocalKey } from '#libs/gateway/object-key.ts';

/** Below the 1 MB that NATS takes by default. */
const messageBytesMax = 900_000;
const pageItemsMax = 500;

/** Makes messages with the statuses that objects should have now, by cluster; objects that are gone need none. */
export function statusMessages(
  changes: readonly StatusChange[],
): readonly { readonly cluster: string; readonly page: StatusPage }[] {
  const byCluster = new Map<string, DesiredStatus[]>();
  for (const change of changes) {
    if (change.status === null) continue;
    const { cluster, ...item } = change;
    const items = byCluster.get(cluster);
    if (items === undefined) byCluster.set(cluster, [item]);
    else items.push(item);
  }
  const messages: { cluster: string; page: StatusPage }[] = [];
  for (const [cluster, items] of byCluster) {
    for (let from = 0; from < items.length;) {
      const fitting = fittingItems(items.slice(from, from + pageItemsMax));
      messages.push({ cluster, page: { items: fitting } });
      from += fitting.length;
    }
  }
  return messages;
}

/** Gives one page of a cluster's statuses, small enough to send. */
export function statusPage(projection: Projection, cluster: string, after: string | undefined): StatusPage {
  const page = projection.statuses(cluster, after, pageItemsMax);
  const items = fittingItems(page.items);
  const last = items.at(-1);
  if (items.length === page.items.length || last === undefined) return page;
  return { items, next: toLocalKey(last) };
}

/** Takes the first items, at least one, as many as a message holds. */
function fittingItems(items: readonly DesiredStatus[]): readonly DesiredStatus[] {
  let bytes = 0;
  const end = items.findIndex((item, index) => {
    bytes += Buffer.byteLength(JSON.stringify(item)) + 1;
    return index > 0 && bytes > messageBytesMax;
  });
  return end === -1 ? items : items.slice(0, end);
}
