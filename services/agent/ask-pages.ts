// Asks the projector for all of something, page by page.
import type { PageRequest } from '#libs/events/agent-exchange.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { Nats } from '#libs/runtime/nats/nats.ts';

/** Names the cluster that asks, and the connection by which it does. */
export interface Asker {
  readonly nats: Nats;
  readonly cluster: { readonly name: string; readonly uid: string };
}

const pagesMax = 100_000;
const timeoutMs = 10_000;

/**
 * Gives the items of all pages. Throws FleetgateError 'nats-request' without an answer, and whatever `parse` throws.
 */
export async function askPages<T>(
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
