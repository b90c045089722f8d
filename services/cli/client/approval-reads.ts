// Reads what the API tells of commands that wait to be confirmed.
import { setTimeout as pause } from 'node:timers/promises';
import type { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import type { FleetClient } from './fleet-client.ts';
import { readAll } from './paged-answers.ts';

export type Approval = z.output<typeof endpoints.listApprovals.returns>['items'][number];

type Operation = z.output<typeof endpoints.readOperation.returns>;

const askEveryMs = 1000;

/** Reads every request that the query leaves, the newest first. */
export function readApprovals(
  client: FleetClient,
  query: Pick<z.input<typeof endpoints.listApprovals.input>['query'], 'state' | 'gateway'>,
): Promise<readonly Approval[]> {
  return readAll((after) => client.call(endpoints.listApprovals, { query: { ...query, after } }));
}

/** Asks what became of a request until it is decided or over. */
export async function awaitDecision(client: FleetClient, id: string): Promise<Operation> {
  for (;;) {
    const operation = await client.call(endpoints.readOperation, { params: { id } });
    if (operation.state !== 'requested' && operation.state !== 'unknown') return operation;
    await pause(askEveryMs);
  }
}
