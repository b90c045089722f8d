// Notices that the database is older than what was seen of it: by what the reader of the stream had committed, and by
// the versions that nodes hold. Says from which numbers on versions go on.
import type { RestoreEvent } from '#libs/events/restore-event.ts';
import type { ReaderMemory } from '#libs/runtime/nats/reader-memory.ts';
import type { Checkpoint } from '../store/commit.ts';
import type { ForeignVersion } from '../store/foreign-versions.ts';

/** A node that claims more is not believed: numbers would run out. */
const aheadMax = 1_000_000;

/**
 * Compares the checkpoint of the database with what was committed of the same stream; undefined = nothing is lost. A
 * message makes at most one version of a gateway, so that as many numbers as messages may have been given.
 */
export function restoredByStream(
  memory: ReaderMemory | undefined,
  stream: string,
  checkpoint: Checkpoint,
  skipped: number,
  at: Date,
): RestoreEvent | undefined {
  if (memory === undefined) return undefined;
  if (checkpoint.streamCreated !== null && checkpoint.streamCreated !== stream) return undefined;
  const lost = Math.max(0, memory.committedSeq - checkpoint.streamSeq);
  const skip = lost + Math.max(0, memory.skipped - skipped);
  if (skip === 0) return undefined;
  return {
    v: 1,
    type: 'restored',
    id: `restored:${stream}:${memory.committedSeq}:${memory.skipped}:${checkpoint.streamSeq}`,
    at: at.toISOString(),
    reason:
      `the database is older than the stream's reader: ${memory.committedSeq} messages were committed, ` +
      `it knows ${checkpoint.streamSeq}; it was restored from a backup. The next version of each gateway passes over ` +
      `${skip} numbers; commands that were given since the backup are not carried out again`,
    skip,
    above: {},
  };
}

/** Compares what nodes hold with the history; one event for each gateway that nodes know more of. */
export function restoredByNodes(
  foreign: readonly ForeignVersion[],
  floorOf: (gateway: string) => number,
  at: Date,
): readonly RestoreEvent[] {
  const byGateway = new Map<string, ForeignVersion>();
  for (const one of foreign) {
    const floor = floorOf(one.gateway);
    // A number that is passed over anyway is no news, but one that was given again is.
    if ((one.ours === null && one.version <= floor) || one.version > floor + aheadMax) continue;
    const before = byGateway.get(one.gateway);
    if (before === undefined || before.version < one.version) byGateway.set(one.gateway, one);
  }
  return [...byGateway.values()].map((one) => ({
    v: 1,
    type: 'restored',
    id: `restored:${one.gateway}:${one.version}:${one.digest}`,
    at: at.toISOString(),
    reason: `${describe(one)}; the database was restored from a backup, or the node comes from another fleet`,
    skip: 0,
    above: { [one.gateway]: one.version },
  }));
}

function describe({ node, gateway, version, ours }: ForeignVersion): string {
  const holds = `node ${node} holds version ${version} of ${gateway}`;
  return ours === null ? `${holds}, which the history does not have` : `${holds} with other content than the history`;
}
