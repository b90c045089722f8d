// A verdict says of one version, or of a change made of several, whose requests made it and how far that is known.
import type { AttributedRequest, AttributionEvent } from '#libs/events/attribution-event.ts';
import { attributedMax } from '#libs/events/attribution-event.ts';
import { type Claim, personOf } from './claim.ts';

export interface Verdict {
  readonly certainty: AttributionEvent['certainty'];
  readonly requests: readonly AttributedRequest[];
  /** Whether nothing that comes later can change it. */
  readonly isFinal: boolean;
}

/** Nothing that was told fits. */
export const unknown: Verdict = { certainty: 'unknown', requests: [], isFinal: false };

/**
 * Chooses among requests that claim one and the same version. Who came first made it, and the others found it made,
 * unless they were under way at the same time: then each of them can have made it.
 */
export function chooseFirst(claims: readonly Claim[], certainty: 'verified' | 'admission'): Verdict {
  const [first, ...others] = claims.toSorted((a, b) => a.receivedMs - b.receivedMs);
  if (first === undefined) return unknown;
  const rivals = others.filter(
    (other) => other.receivedMs <= first.completedMs && personOf(other.request) !== personOf(first.request),
  );
  if (rivals.length === 0) return { certainty, requests: [first.request], isFinal: false };
  return oneOf([first, ...rivals]);
}

/** Says that these can have had a part, each once. */
export function oneOf(claims: readonly Claim[]): Verdict {
  return claims.length === 0
    ? unknown
    : { certainty: 'one-of', requests: ordered(claims.map(({ request }) => request)), isFinal: false };
}

/** Makes the verdict on a change that is made of several versions, of which nobody saw but the last. */
export function joinVerdicts(verdicts: readonly Verdict[]): Verdict {
  const [only] = verdicts;
  if (only === undefined) return unknown;
  if (verdicts.length === 1) return only;
  const requests = ordered(verdicts.flatMap((verdict) => verdict.requests));
  if (requests.length === 0) return unknown;
  const isFinal = verdicts.every((verdict) => verdict.isFinal);
  const people = new Set(requests.map(personOf));
  const isWhole = verdicts.every(({ certainty }) => certainty === 'verified' || certainty === 'admission');
  if (!isWhole || people.size > 1) return { certainty: 'one-of', requests, isFinal };
  const isVerified = verdicts.every(({ certainty }) => certainty === 'verified');
  return { certainty: isVerified ? 'verified' : 'admission', requests, isFinal };
}

/** Orders requests by time, each once; the newest are kept where there are too many. */
function ordered(requests: readonly AttributedRequest[]): readonly AttributedRequest[] {
  const byId = new Map(requests.map((request) => [`${request.auditId} ${request.role ?? ''}`, request]));
  return [...byId.values()].toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)).slice(-attributedMax.requests);
}
