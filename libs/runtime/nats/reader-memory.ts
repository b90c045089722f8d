// Keeps beside the stream what its reader had committed, in the consumer that it reads by: a reader whose own memory
// was restored from a backup finds here that it knew more.

/** Says what was committed when the consumer was used last. */
export interface ReaderMemory {
  /** Sequence of the newest message that was committed; 0 = none. */
  readonly committedSeq: number;
  /** Version numbers that were passed over so far. */
  readonly skipped: number;
}

/** What is read of a consumer's info. */
interface ConsumerState {
  readonly config: { readonly opt_start_seq?: number; readonly metadata?: Readonly<Record<string, string>> };
  readonly ack_floor: { readonly stream_seq: number };
}

const committedName = 'fleetgate-committed';
const skippedName = 'fleetgate-skipped';

/** Writes the memory as a consumer's metadata. */
export function encodeMemory({ committedSeq, skipped }: ReaderMemory): Record<string, string> {
  return { [committedName]: String(committedSeq), [skippedName]: String(skipped) };
}

/** Reads the memory back: what was written when the consumer was made, or acknowledged by it since. */
export function decodeMemory({ config, ack_floor: floor }: ConsumerState): ReaderMemory {
  // Below its start nothing was acknowledged by this consumer.
  const acknowledged = floor.stream_seq >= (config.opt_start_seq ?? 1) ? floor.stream_seq : 0;
  return {
    committedSeq: Math.max(acknowledged, numberIn(config.metadata?.[committedName])),
    skipped: numberIn(config.metadata?.[skippedName]),
  };
}

function numberIn(text: string | undefined): number {
  const number = Number(text ?? 0);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}
