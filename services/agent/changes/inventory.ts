// Asks the projector what the history holds of this cluster.
import { z } from 'zod';
import type { InventoryItem } from '#libs/events/agent-exchange.ts';
import { inventorySubject } from '#libs/events/subjects.ts';
import { fail } from '#libs/runtime/errors.ts';
import { type Asker, askPages } from '../ask-pages.ts';

const inventoryItem: z.ZodType<InventoryItem> = z.object({
  key: z.string(),
  uid: z.string(),
  hash: z.string(),
  resourceVersion: z.string(),
  generation: z.number(),
  creationTimestamp: z.string(),
});

const inventoryPage = z.object({
  items: z.array(inventoryItem).default([]),
  next: z.string().optional(),
  stream: z.string().optional(),
  refused: z.string().optional(),
});

/** Says what the history holds, and from which stream it goes on. */
export interface Inventory {
  readonly items: readonly InventoryItem[];
  readonly stream: string | undefined;
}

/**
 * Fetches the whole inventory. Throws FleetgateError: 'nats-request' without an answer, 'cluster-refused' when the
 * name belongs to another cluster.
 */
export async function fetchInventory(asker: Asker): Promise<Inventory> {
  const streams = new Set<string | undefined>();
  const items = await askPages(asker, inventorySubject(asker.cluster.name), (answer) => {
    const page = inventoryPage.parse(answer);
    if (page.refused !== undefined) throw fail('cluster-refused', page.refused);
    streams.add(page.stream);
    return page;
  });
  const [stream] = streams;
  return { items, stream: streams.size === 1 ? stream : undefined };
}
