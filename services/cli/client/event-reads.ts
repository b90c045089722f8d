// Reads the history of the fleet: the newest events that a query leaves, and what came after.
import type { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import type { historyEvent } from '#libs/api/models/history.ts';
import type { FleetClient } from './fleet-client.ts';

export type HistoryEvent = z.output<typeof historyEvent>;

/** What to look for; an absent field leaves everything. */
export type EventQuery = Omit<z.input<typeof endpoints.listEvents.input>['query'], 'after' | 'order' | 'limit'>;

const pageMax = 500;

/** Reads the newest events that the query leaves, the newest first; at most `limit`, 0 = all. */
export async function readNewestEvents(
  client: FleetClient,
  query: EventQuery,
  limit: number,
): Promise<readonly HistoryEvent[]> {
  const found: HistoryEvent[] = [];
  let after: string | undefined;
  do {
    const wanted = limit === 0 ? pageMax : Math.min(pageMax, limit - found.length);
    const page: EventPage = await readPage(client, { ...query, order: 'desc', limit: String(wanted), after });
    found.push(...page.items);
    after = page.next ?? undefined;
  } while (after !== undefined && (limit === 0 || found.length < limit));
  return found;
}

/** Reads every event after a sequence number that the query leaves, page by page, the oldest first. */
export async function* eventPagesAfter(
  client: FleetClient,
  query: EventQuery,
  seq: string,
): AsyncGenerator<readonly HistoryEvent[]> {
  let after: string | undefined = seq;
  while (after !== undefined) {
    const page: EventPage = await readPage(client, { ...query, order: 'asc', limit: String(pageMax), after });
    yield page.items;
    after = page.next ?? undefined;
  }
}

type EventPage = z.output<typeof endpoints.listEvents.returns>;

function readPage(client: FleetClient, query: z.input<typeof endpoints.listEvents.input>['query']): Promise<EventPage> {
  return client.call(endpoints.listEvents, { query });
}
