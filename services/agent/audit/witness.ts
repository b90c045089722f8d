// Hands on to the join what the agent sees of its cluster: versions as they come, and the changes that are made of
// them.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import type { SourceChange } from '../source.ts';
import { contentOf } from './content.ts';
import type { Join } from './join.ts';
import type { SeenVersion } from './judge.ts';

/** Names a version of an object. */
interface VersionName {
  readonly uid: string;
  readonly resourceVersion: string;
}

/** Learns what the agent sees; what it does with that holds nothing up. */
export interface Witness {
  /** A version came; `previous` is what the agent or the history had of that place. */
  saw(change: SourceChange, previous: VersionName | undefined): void;
  /** The version changed nothing that the history keeps. */
  same(version: VersionName): void;
  /** A comparison found what the history lacks; `held` is what it has of that place. */
  compared(event: ChangeEvent, held: VersionName | undefined): void;
  /** The change is stored in the log. */
  stored(event: ChangeEvent): void;
}

/** Makes the witness of a join. */
export function createWitness(options: {
  readonly join: Join;
  /** Whether admission reviews are listened to, so that contents are compared. */
  readonly hasReviews: boolean;
  readonly now: () => number;
  /** What was made longer ago than this and comes by a listing was there before the agent. */
  readonly keepMs: number;
}): Witness {
  const { join, hasReviews, now, keepMs } = options;
  return {
    saw(change, before) {
      const version = versionOf(change, before, now());
      if (version.previous === version.resourceVersion) return;
      if (isOld(change, version, now() - keepMs)) return;
      const content = hasReviews && change.type === 'applied' ? { content: contentOf(change.object) } : {};
      join.saw({ ...version, ...content });
    },
    same: ({ uid, resourceVersion }) => join.same(uid, resourceVersion),
    compared(event, held) {
      if (event.via !== 'relist') return;
      const { uid, resourceVersion, type } = event;
      const previous = held?.uid === uid ? held.resourceVersion : undefined;
      const created = event.object?.metadata.creationTimestamp;
      if (previous === undefined && created !== undefined && Date.parse(created) < now() - keepMs) return;
      const state = type === 'deleted' ? 'gone' : 'written';
      join.saw({
        ...{ uid, resourceVersion, via: 'relist', state, seenMs: now() },
        ...(previous === undefined ? {} : { previous }),
      });
    },
    stored: (event) => join.stored(event, now()),
  };
}

function versionOf(change: SourceChange, before: VersionName | undefined, seenMs: number): SeenVersion {
  const { via } = change;
  const { uid, resourceVersion } = change.type === 'deleted' ? change : change.object.metadata;
  const known = before?.uid === uid ? { previous: before.resourceVersion } : {};
  return { uid, resourceVersion, ...known, via, state: stateOf(change), seenMs };
}

function stateOf(change: SourceChange): SeenVersion['state'] {
  if (change.type === 'deleted') return 'gone';
  return 'deletionTimestamp' in change.object.metadata ? 'marked' : 'written';
}

function isOld(change: SourceChange, { previous, via }: SeenVersion, beforeMs: number): boolean {
  if (change.type === 'deleted' || via === 'watch' || previous !== undefined) return false;
  return Date.parse(change.object.metadata.creationTimestamp) < beforeMs;
}
