// Finds where to read on in the stream, and whether something was lost on the way: then agents must compare with the
// inventory.
import type { Checkpoint } from './commit.ts';

/** Holds what the stream says of itself. */
interface StreamState {
  readonly created: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** When it stored the message at the checkpoint; null where it holds none there. */
  readonly storedAt: string | null;
}

interface StreamPosition {
  /** The checkpoint in terms of this stream. */
  readonly checkpoint: Checkpoint;
  /** Reading starts behind this; up to the checkpoint only lost answers are given again. */
  readonly startAfterSeq: number;
  /** Messages up to here may be older than the history: what it holds of them is not taken again. */
  readonly replayUntil: number;
  /** Why agents must compare again; undefined when nothing was lost. */
  readonly lost: string | undefined;
}

/** Messages before the checkpoint that are read again, because a process may have died between commit and answer. */
const answeredAgainMax = 64;

/** Compares the stored checkpoint with the stream. */
export function streamPosition(stored: Checkpoint, stream: StreamState): StreamPosition {
  const fromStart = (lost: string | undefined, replayUntil: number): StreamPosition => ({
    checkpoint: { streamCreated: stream.created, streamSeq: 0, storedAt: null },
    startAfterSeq: 0,
    replayUntil,
    lost,
  });
  if (stored.streamCreated === null)
    return fromStart(stream.firstSeq > 1 ? 'messages expired before they were read' : undefined, 0);
  if (stored.streamCreated !== stream.created) return fromStart('the stream was made anew', 0);
  if (stream.lastSeq < stored.streamSeq) return fromStart('the stream lost its newest messages', stream.lastSeq);
  if (stored.storedAt !== null && stream.storedAt !== null && stored.storedAt !== stream.storedAt)
    return fromStart('the stream is an older copy that went on without what was read', stream.lastSeq);
  return {
    checkpoint: stored,
    startAfterSeq: Math.max(0, stored.streamSeq - answeredAgainMax),
    replayUntil: 0,
    lost: stream.firstSeq > stored.streamSeq + 1 ? 'messages expired before they were read' : undefined,
  };
}
