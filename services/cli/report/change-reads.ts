// Reads changes with what became of them: page by page in the order of the history, or a sample.
import type { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import type { FleetClient } from '../client/fleet-client.ts';

type Page = z.output<typeof endpoints.listChanges.returns>;
export type ReportedChange = Page['items'][number];
/** What to look for; an absent field leaves everything. */
export type ChangeQuery = Omit<
  z.input<typeof endpoints.listChanges.input>['query'],
  'after' | 'order' | 'limit' | 'sample' | 'seed'
>;

const pageMax = '200';
const sampleTimeoutMs = 120_000;

/** Gives the pages of what the query leaves, the oldest first, each with where to go on; undefined = that was all. */
export async function* changePages(
  client: FleetClient,
  query: ChangeQuery,
  from: string,
): AsyncGenerator<readonly ReportedChange[]> {
  let after: string | undefined = from;
  while (after !== undefined) {
    const page: Page = await client.call(endpoints.listChanges, {
      query: { ...query, order: 'asc', limit: pageMax, after },
    });
    yield page.items;
    after = page.next ?? undefined;
  }
}

/** Draws changes at random: the same ones for the same seed, time and history. */
export async function readSample(
  client: FleetClient,
  query: Pick<ChangeQuery, 'since' | 'until'>,
  { size, seed }: { readonly size: number; readonly seed: string },
): Promise<readonly ReportedChange[]> {
  const wanted = { ...query, sample: String(size), seed };
  return (await client.call(endpoints.listChanges, { query: wanted }, sampleTimeoutMs)).items;
}
