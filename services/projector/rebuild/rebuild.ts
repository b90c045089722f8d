// Runs a rebuild: it writes the projections anew from the history, or compares them with it.
import type { ClientBase } from 'pg';
import { fail } from '#libs/runtime/errors.ts';
import { tryExclusive } from '../leadership.ts';
import { limitsOf } from '../limits.ts';
import { withClient } from '../store/one-client.ts';
import type { RebuildOptions } from './options.ts';
import { repairEvent } from './repair.ts';
import { rebuildFromHistory } from './rebuilding.ts';
import { type Progress, verifyHistory } from './verification.ts';

/**
 * Rebuilds, verifies or repairs an event; `write` gets lines for people. Throws FleetgateError 'rebuild-differs',
 * 'projector-running', 'event-readable' or 'event-unreadable'.
 */
export async function runRebuild(options: RebuildOptions, write: (line: string) => void): Promise<void> {
  const { archive } = options;
  const work = {
    archive,
    limits: limitsOf(options),
    onProgress: (progress: Progress) => write(`… ${describe(progress)}`),
  };
  const { repair: seq, setAside = false, reason } = options;
  if (seq !== undefined) {
    await withClient({ url: options.databaseUrl, name: 'fleetgate repair' }, async (client) =>
      write(await repairEvent(client, { seq, setAside, reason })),
    );
    return;
  }
  const act = options.verify ? verify : rebuild;
  await withClient({ url: options.databaseUrl, name: 'fleetgate rebuild' }, (client) => act(client, work, write));
}

type Work = Parameters<typeof verifyHistory>[1];

async function verify(client: ClientBase, work: Work, write: (line: string) => void): Promise<void> {
  const { differences, differenceCount, notes, ...result } = await verifyHistory(client, work);
  for (const note of notes) write(note);
  for (const difference of differences) write(difference);
  if (differenceCount > differences.length) write(`… and ${differenceCount - differences.length} more`);
  const compared = `${describe(result)}, ${result.gateways} gateways, ${result.objects} objects`;
  if (differenceCount > 0) throw fail('rebuild-differs', `${differenceCount} differences in ${compared}`);
  write(`identical: ${compared}`);
}

async function rebuild(client: ClientBase, work: Work, write: (line: string) => void): Promise<void> {
  if (!(await tryExclusive(client))) throw fail('projector-running', 'it holds the lock of the one writer');
  write(`rebuilt: ${describe(await rebuildFromHistory(client, work))}`);
}

function describe({ events, versions, tookMs }: Progress): string {
  const seconds = tookMs / 1000;
  const rate = Math.round(events / Math.max(seconds, 0.001));
  return `${events} events, ${versions} versions in ${seconds.toFixed(1)} s (${rate} events/s)`;
}
