// Runs the archive: old events and versions leave the database for a place where they can be read and verified.
import type { RunningService } from '#libs/runtime/lifecycle.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { pause } from '#libs/runtime/pause.ts';
import { openPlace } from '../places/open-place.ts';
import { withClient } from '../store/one-client.ts';
import { archiveEvents } from './archive-events.ts';
import { archiveVersions } from './archive-versions.ts';
import type { ArchiveOptions } from './options.ts';

/** Says what left the database. */
interface ArchiveReport {
  readonly place: string;
  /** Recorded before that. */
  readonly before: string;
  /** Null = no whole bundle of events is so old. */
  readonly events: { readonly first: number; readonly last: number; readonly gone: number } | null;
  readonly versions: number;
  readonly entries: number;
}

/**
 * Archives what is older than the options say. Throws FleetgateError 'postgres-unreachable', 'log-differs', 'archive'
 * or 'file'; what was dropped until then is in the archive.
 */
export async function runArchive(
  { databaseUrl, to, olderThan }: Pick<ArchiveOptions, 'databaseUrl' | 'to' | 'olderThan'>,
  onProgress: (last: number) => void = () => undefined,
): Promise<ArchiveReport> {
  const place = openPlace(to, process.env);
  const before = new Date(Date.now() - olderThan);
  return withClient({ url: databaseUrl, name: 'fleetgate archive' }, async (client) => {
    const events = await archiveEvents(client, place, before, onProgress);
    const { versions, entries } = await archiveVersions(client, place, before);
    return { place: place.name, before: before.toISOString(), events: events ?? null, versions, entries };
  });
}

/** Archives again and again until the signal; what fails is told, and tried again the next time. */
export function startArchiving(
  options: ArchiveOptions & { readonly every: number },
  log: Logger,
  signal: AbortSignal,
): RunningService {
  const work = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        log.info(await runArchive(options), 'archived');
      } catch (error) {
        log.error({ err: error }, 'nothing more could be archived');
      }
      await pause(options.every, signal);
    }
  };
  const done = work();
  return { done, stop: () => done };
}
