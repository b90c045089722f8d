// Sanity limits: what one commit may do to a gateway without a person saying so.

/** Over a limit: no new version, an alarm on the gateway, until the content is fine again or an operator accepts it. */
export interface Limits {
  /** Entries of one gateway. */
  readonly entriesMax: number;
  /** Sum of the entries' JSON bytes. */
  readonly bytesMax: number;
  /** Share of the rules that one commit may remove, 0 to 1 … */
  readonly removedShareMax: number;
  /** … when it removes at least this many. */
  readonly removedMin: number;
}

export const defaultLimits: Limits = {
  entriesMax: 100_000,
  bytesMax: 256 * 1024 * 1024,
  removedShareMax: 0.5,
  removedMin: 100,
};

/** The content that would become a version, beside the version before it. */
export interface Proposal {
  readonly entries: number;
  readonly bytes: number;
  readonly headEntries: number;
  readonly headRules: number;
  /** Rules of the head that are not in the proposal. */
  readonly removedRules: number;
}

/** Why a proposal is held back, as a sentence for people; undefined = it is not. */
export function limitAlarm(proposal: Proposal, limits: Limits): string | undefined {
  const { entries, bytes, headEntries, headRules, removedRules } = proposal;
  if (removedRules >= limits.removedMin && removedRules > headRules * limits.removedShareMax) {
    return `held back: ${removedRules} of ${headRules} rules would go at once; accept it, or bring them back`;
  }
  // What is over the size already may shrink or stay as it is.
  if (entries <= headEntries) return undefined;
  if (entries > limits.entriesMax) return `held back: ${entries} entries, at most ${limits.entriesMax} are allowed`;
  if (bytes > limits.bytesMax) return `held back: ${bytes} bytes of entries, at most ${limits.bytesMax} are allowed`;
  return undefined;
}
