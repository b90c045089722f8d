// Reads from the projector, page by page, what the history holds of this cluster and which statuses it wants.
import { z } from 'zod';
import type { DesiredDataPlane, DesiredStatus, InventoryItem, PageRequest } from '#libs/events/agent-exchange.ts';
import { inventorySubject, statusesSubject } from '#libs/events/subjects.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { Nats } from '#libs/runtime/nats/nats.ts';

const pagesMax = 100_000;
const timeoutMs = 10_000;

const inventoryItem: z.ZodType<InventoryItem> = z.object({
  key: z.string(),
  uid: z.string(),
  hash: z.string(),
  resourceVersion: z.string(),
  generation: z.number(),
  creationTimestamp: z.string(),
});

const port = z.object({ port: z.int().min(1).max(65_535), protocol: z.enum(['TCP', 'UDP']) });

const desiredDataPlane = z.object({
  ports: z.array(port),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
  addresses: z.array(z.string()),
  parameters: z.object({
    replicas: z.union([z.int().min(0), z.literal('auto')]),
    serviceType: z.enum(['LoadBalancer', 'ClusterIP', 'NodePort']),
    image: z.string().exactOptional(),
    cpu: z.string().exactOptional(),
    memory: z.string().exactOptional(),
    merge: z.enum(['none', 'class']),
  }),
}) satisfies z.ZodType<DesiredDataPlane>;

const desiredStatus: z.ZodType<DesiredStatus> = z.object({
  kind: z.string(),
  namespace: z.string(),
  name: z.string(),
  uid: z.string(),
  status: z.record(z.string(), z.unknown()),
  dataPlane: desiredDataPlane.exactOptional(),
});

const inventoryPage = z.object({
  items: z.array(inventoryItem).default([]),
  next: z.string().optional(),
  stream: z.string().optional(),
  refused: z.string().optional(),
});

const resync = z.object({ stream: z.string().optional() });

const statusPage = z.object({ items: z.array(desiredStatus), next: z.string().optional() });

export interface Asker {
  readonly nats: Nats;
  readonly cluster: { readonly name: string; readonly uid: string };
}

/** What the history holds, and the stream that it goes on from. */
export interface Inventory {
  readonly items: readonly InventoryItem[];
  readonly stream: string | undefined;
}

/**
 * All items. Throws FleetgateError: 'nats-request' without an answer, 'cluster-refused' when the name belongs to
 * another cluster.
 */
export async function fetchInventory(asker: Asker): Promise<Inventory> {
  const streams = new Set<string | undefined>();
  const items = await fetchPages(asker, inventorySubject(asker.cluster.name), (answer) => {
    const page = inventoryPage.parse(answer);
    if (page.refused !== undefined) throw fail('cluster-refused', page.refused);
    streams.add(page.stream);
    return page;
  });
  const [stream] = streams;
  return { items, stream: streams.size === 1 ? stream : undefined };
}

/** Which stream a resync is about; undefined = compare in any case. */
export function parseResync(json: unknown): string | undefined {
  return resync.safeParse(json).data?.stream;
}

/** Every status that the projector wants on this cluster's objects. Throws FleetgateError 'nats-request'. */
export async function fetchStatuses(asker: Asker): Promise<readonly DesiredStatus[]> {
  return fetchPages(asker, statusesSubject(asker.cluster.name), (answer) => statusPage.parse(answer));
}

/** The statuses of one message; null = not such a message. */
export function parseStatuses(json: unknown): readonly DesiredStatus[] | null {
  return statusPage.safeParse(json).data?.items ?? null;
}

async function fetchPages<T>(
  { nats, cluster }: Asker,
  subject: string,
  parse: (answer: unknown) => { readonly items: readonly T[]; readonly next?: string | undefined },
): Promise<readonly T[]> {
  const items: T[] = [];
  let after: string | undefined;
  for (let pages = 0; pages < pagesMax; pages++) {
    const request: PageRequest = { clusterUid: cluster.uid, ...(after === undefined ? {} : { after }) };
    const page = parse(await nats.request(subject, request, { timeoutMs }));
    for (const item of page.items) items.push(item);
    if (page.next === undefined) return items;
    after = page.next;
  }
  throw fail('nats-request', `${subject} has more than ${pagesMax} pages`);
}
