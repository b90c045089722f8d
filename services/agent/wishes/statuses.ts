// Reads which statuses the projector wants on the objects of this cluster, as it answers and as it sends them.
import { z } from 'zod';
import type { DesiredDataPlane, DesiredStatus } from '#libs/events/agent-exchange.ts';
import { statusesSubject } from '#libs/events/subjects.ts';
import { type Asker, askPages } from '../ask-pages.ts';

const port = z.object({ port: z.int().min(1).max(65_535), protocol: z.enum(['TCP', 'UDP']) });

const desiredDataPlane = z.object({
  ports: z.array(port),
  labels: z.record(z.string(), z.string()),
  annotations: z.record(z.string(), z.string()),
  addresses: z.array(z.string()),
  clusterAddresses: z.array(z.string()).exactOptional(),
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

const statusPage = z.object({ items: z.array(desiredStatus), next: z.string().optional() });

/** Fetches every status that is wanted. Throws FleetgateError 'nats-request' without an answer. */
export async function fetchStatuses(asker: Asker): Promise<readonly DesiredStatus[]> {
  return askPages(asker, statusesSubject(asker.cluster.name), (answer) => statusPage.parse(answer));
}

/** Reads the statuses of one message; null = it is no such message. */
export function parseStatuses(json: unknown): readonly DesiredStatus[] | null {
  return statusPage.safeParse(json).data?.items ?? null;
}
