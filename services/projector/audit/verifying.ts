// Runs a verification of the history: its log against what was signed and published, the texts about people against
// their ids, and what is stored beside the events against what follows from them.
import type { ClientBase } from 'pg';
import { fail } from '#libs/runtime/errors.ts';
import { limitsOf } from '../limits.ts';
import { verifyHistory } from '../rebuild/verification.ts';
import { StoredVersionDiffers } from '../store/version-content.ts';
import { withClient } from '../store/one-client.ts';
import { openArchivedHistory } from '../archive/archived-history.ts';
import { readVerifierKeys } from './log-keys.ts';
import { openPlace } from '../places/open-place.ts';
import type { VerifyOptions } from './options.ts';
import { PublishedLeaves } from './published-leaves.ts';
import { type SignedCheckpoint, describeSigners, readCheckpointFile, readPublished } from './published-log.ts';
import { type Evidence, verifyLog } from './verification.ts';
import type { LogVerification } from './verification-result.ts';

/** Says what a verification found. */
export interface AuditReport extends LogVerification {
  /** Who signed each checkpoint. */
  readonly signers: Readonly<Record<string, string>>;
  /** What follows from the events and is stored; null = it was not compared. */
  readonly snapshots: {
    readonly versions: number;
    readonly objects: number;
    readonly differences: readonly string[];
    readonly differenceCount: number;
  } | null;
}

/**
 * Verifies. Throws FleetgateError 'checkpoint-untrusted', 'config' or 'postgres-unreachable'; what it finds is in the
 * report, and `failureOf` makes an error of it.
 */
export async function verifyAudit(options: VerifyOptions, tell: (line: string) => void): Promise<AuditReport> {
  const evidence = await readEvidence(options);
  const onProgress = (what: string, count: number, tookMs: number): void => {
    if (options.progress) tell(`… ${what} ${count} events (${Math.round((count * 1000) / Math.max(tookMs, 1))}/s)`);
  };
  return withClient({ url: options.databaseUrl, name: 'fleetgate audit verify' }, async (client) => {
    const archived = await openArchivedHistory(client, options.archive);
    const log = await verifyLog(client, { ...evidence, archived: archived?.leaves() }, (events, tookMs) =>
      onProgress('leaves of', events, tookMs),
    );
    const isWhole = log.faultCount === 0;
    const snapshots = options.eventsOnly || !isWhole ? null : await compareSnapshots(client, options, onProgress);
    const signers = Object.fromEntries(evidence.checkpoints.map((one) => [one.from, describeSigners(one)]));
    return { ...log, signers, snapshots };
  });
}

/** Gives the error that a report ends with; undefined = everything is as it was. */
export function failureOf(report: AuditReport): Error | undefined {
  const { faultCount, faults, snapshots } = report;
  if (faultCount > 0) return fail('history-altered', `${faults[0]?.text}${more(faultCount)}`);
  if (snapshots === null || snapshots.differenceCount === 0) return undefined;
  return fail('snapshots-differ', `${snapshots.differences[0]}${more(snapshots.differenceCount)}`);
}

function more(count: number): string {
  return count > 1 ? ` (and ${count - 1} more)` : '';
}

async function readEvidence(options: VerifyOptions): Promise<Evidence> {
  const keys = readVerifierKeys(options.key);
  if (keys.length === 0 && (options.checkpoint.length > 0 || options.tiles !== undefined))
    throw fail('config', '--key is required: the public key of the log');
  const checkpoints: SignedCheckpoint[] = options.checkpoint.map((file) => readCheckpointFile(file, keys));
  if (options.tiles === undefined) return { checkpoints, published: undefined };
  const place = openPlace(options.tiles, process.env);
  const newest = await readPublished(place, keys);
  if (newest === undefined) throw fail('not-found', `${place.name} has no checkpoint`, { hint: 'Publish one first.' });
  return { checkpoints: [...checkpoints, newest], published: new PublishedLeaves(place, newest) };
}

async function compareSnapshots(
  client: ClientBase,
  options: VerifyOptions,
  onProgress: (what: string, count: number, tookMs: number) => void,
): Promise<AuditReport['snapshots']> {
  try {
    const { versions, objects, differences, differenceCount } = await verifyHistory(client, {
      limits: limitsOf(options),
      archive: options.archive,
      onProgress: ({ events, tookMs }) => onProgress('snapshots of', events, tookMs),
    });
    return { versions, objects, differences, differenceCount };
  } catch (error) {
    // A rollback went back to it, so that nothing after it can be compared.
    if (!(error instanceof StoredVersionDiffers)) throw error;
    return { versions: 0, objects: 0, differences: [error.message], differenceCount: 1 };
  }
}
