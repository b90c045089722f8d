// Applies the sanity limits: what one commit may do to a gateway without a person saying so.
import type { LimitWishes } from '#libs/gateway/objects/gateway-limits.ts';

/**
 * Sets limits: over one there is no new version but an alarm on the gateway, until the content is fine again or an
 * operator accepts it.
 */
export interface Limits {
  /** Entries of one gateway. */
  readonly entriesMax: number;
  /** Sum of the entries' JSON bytes. */
  readonly bytesMax: number;
  /** Share of the rules that one commit may remove, 0 to 1 … */
  readonly removedShareMax: number;
  /** … when it removes at least this many … */
  readonly removedMin: number;
  /** … of at least this many routes: a team may always delete its own two. */
  readonly removedRoutesMin: number;
}

export const defaultLimits: Limits = {
  entriesMax: 100_000,
  bytesMax: 256 * 1024 * 1024,
  removedShareMax: 0.5,
  removedMin: 5,
  removedRoutesMin: 3,
};

/** Describes the content that would become a version, beside the version before it. */
export interface Proposal {
  readonly entries: number;
  readonly bytes: number;
  readonly headEntries: number;
  readonly headRules: number;
  /** Rules of the head that are not in the proposal. */
  readonly removedRules: number;
  /** How many routes they are of. */
  readonly removedRoutes: () => number;
}

/** The limits of one Gateway: those that it sets itself, of the sizes at most the fleet's. */
export function limitsFor(wishes: LimitWishes, fleet: Limits): Limits {
  return {
    ...fleet,
    ...wishes,
    entriesMax: Math.min(wishes.entriesMax ?? fleet.entriesMax, fleet.entriesMax),
    bytesMax: Math.min(wishes.bytesMax ?? fleet.bytesMax, fleet.bytesMax),
  };
}

/** Says why a proposal is held back, as a sentence for people; undefined = it is not. */
export function limitAlarm(proposal: Proposal, limits: Limits): string | undefined {
  const { entries, bytes, headEntries, headRules, removedRules } = proposal;
  if (removedRules >= limits.removedMin && removedRules > headRules * limits.removedShareMax) {
    const routes = proposal.removedRoutes();
    if (routes >= limits.removedRoutesMin) return removalText(removedRules, headRules, routes, limits);
  }
  // What is over the size already may shrink or stay as it is.
  if (entries <= headEntries) return undefined;
  if (entries > limits.entriesMax) return `held back: ${entries} entries, at most ${limits.entriesMax} are allowed`;
  if (bytes > limits.bytesMax) return `held back: ${bytes} bytes of entries, at most ${limits.bytesMax} are allowed`;
  return undefined;
}

function removalText(rules: number, ofRules: number, routes: number, limits: Limits): string {
  const share = Math.round(limits.removedShareMax * 100);
  return (
    `held back: ${rules} of ${ofRules} rules, of ${routes} routes, would go at once, and at most ${share} % may; ` +
    'accept it, bring them back, or annotate the Gateway with fleetgate.dev/removed-share-max'
  );
}
