// Judges which requests made a version of an object that the agent saw. It is pure: what is known of the object goes
// in, and the same comes out in whatever order it became known. A wrong name is worse than none: what does not fit
// exactly is `one-of` or unknown.
import { compareResourceVersions } from '#libs/fleet/resource-version.ts';
import { type Claim, personOf } from './claim.ts';
import { chooseFirst, oneOf, unknown, type Verdict } from './verdict.ts';

/** A version of an object, as the agent saw it. */
export interface SeenVersion {
  readonly uid: string;
  readonly resourceVersion: string;
  /** The version that the agent, or the history, had before; absent = none. */
  readonly previous?: string;
  /** watch: no other version lies between. relist: some may. */
  readonly via: 'watch' | 'relist';
  /** marked: it is to be deleted from now on. */
  readonly state: 'written' | 'marked' | 'gone';
  /** As contentOf gives it; absent where no admission webhook is listened to. */
  readonly content?: string;
  /** Milliseconds since 1970, by the agent's clock. */
  readonly seenMs: number;
}

/** What is known of an object. */
interface Known {
  readonly claims: readonly Claim[];
  /** By the time at which they were seen. */
  readonly versions: readonly SeenVersion[];
}

/**
 * How much later than the agent saw a version its request can have begun, by another clock. Whoever began later found
 * the version made.
 */
const clockSkewMs = 500;
/** How long a version takes from its request's answer to the agent at the most, within one second's resolution. */
const watchDelayMs = 20;
/** How near to a request its version was seen, where only time tells that it changed anything. */
const nearMs = 200;
const deletions: ReadonlySet<string> = new Set(['delete', 'deletecollection']);

/** Judges a version; the claims are all of its object. */
export function judge(version: SeenVersion, known: Known): Verdict {
  const audited = version.state === 'gone' ? judgeDeletion(version, known) : judgeWrite(version, known);
  if (audited.certainty !== 'unknown') return audited;
  return version.state === 'gone' ? judgeReviewedDeletion(version, known) : judgeReviewedWrite(version, known);
}

function judgeWrite(version: SeenVersion, known: Known): Verdict {
  const { claims } = known;
  const exact = claims.filter((claim) => wrote(claim, version) && !isNoop(claim, version));
  if (version.via === 'relist') return judgeGap(version, exact, claims);
  if (exact.length > 0) {
    const verdict = chooseExact(exact, version);
    const [only] = exact;
    const isFinal = exact.length === 1 && only !== undefined && provesStep(only, version);
    return { ...verdict, isFinal: verdict.certainty === 'verified' && isFinal };
  }
  if (version.state === 'marked') {
    const marking = chooseFirst(
      claims.filter(({ effect }) => effect.type === 'deleted'),
      'verified',
    );
    if (marking.certainty !== 'unknown') return marking;
  }
  return judgeAnnotated(version, known);
}

/** Versions between may have been made of which nothing is known, unless the request met the version before. */
function judgeGap(version: SeenVersion, exact: readonly Claim[], claims: readonly Claim[]): Verdict {
  const within = claims.filter(
    ({ effect }) => effect.type === 'wrote' && !effect.ends && isBetween(effect.resourceVersion, version),
  );
  const [only] = exact;
  if (within.length === 0 && exact.length === 1 && only !== undefined && provesStep(only, version))
    return { certainty: 'verified', requests: [only.request], isFinal: true };
  return oneOf([...within.filter(isNoMeeting), ...exact]);
}

/** Says that a request went from the version before to this one, and that no other can have. */
function provesStep(claim: Claim, { previous = '' }: SeenVersion): boolean {
  return claim.created ? previous === '' : claim.met !== undefined && claim.met === previous;
}

/** Whoever removes the last finalizer is answered with the version before, and makes none. */
function wrote({ effect }: Claim, { resourceVersion }: SeenVersion): boolean {
  return effect.type === 'wrote' && !effect.ends && effect.resourceVersion === resourceVersion;
}

/** Tells a request that changed nothing: it is answered with the version that somebody else had made before. */
function isNoop(claim: Claim, version: SeenVersion): boolean {
  const { effect, request, receivedMs } = claim;
  if (effect.type !== 'wrote') return false;
  if (!isNoMeeting(claim)) return true;
  if (claim.created) return false;
  if (version.via === 'watch' && receivedMs > version.seenMs + clockSkewMs) return true;
  // A deletion of what was to be deleted already.
  const { deletionTimestamp, gracePeriodSeconds } = effect;
  if (request.verb !== 'delete' || deletionTimestamp === undefined) return false;
  const markedMs = Date.parse(deletionTimestamp) - gracePeriodSeconds * 1000;
  return Math.floor(receivedMs / 1000) * 1000 > markedMs;
}

/** Chooses among requests that claim the version, and that found it made by no sign. */
function chooseExact(claims: readonly Claim[], version: SeenVersion): Verdict {
  const verdict = chooseFirst(claims, 'verified');
  // By clocks that differ a little it began later: perhaps it found the version made, and whoever did is not known.
  const isOpen = verdict.requests.length === 1 && claims.every((claim) => isLate(claim, version));
  return isOpen ? oneOf(claims) : verdict;
}

function isLate({ created, met, receivedMs }: Claim, { seenMs }: SeenVersion): boolean {
  return !created && met === undefined && receivedMs > seenMs;
}

/** Says that a request did not meet the version with which it was answered. */
function isNoMeeting({ effect, met }: Claim): boolean {
  return effect.type !== 'wrote' || met !== effect.resourceVersion;
}

/**
 * Of Secrets and ConfigMaps the audit has no bodies, so that the annotation is all there is: which version the first
 * try of a request met. One that met another request on its way was tried again, and made a later version. Of several
 * that met one version, those before the last changed nothing, for else it would have met what they made.
 */
function judgeAnnotated(version: SeenVersion, { claims, versions }: Known): Verdict {
  const annotated = claims.filter(({ effect, request }) => effect.type === 'annotated' && !deletions.has(request.verb));
  const { previous = '', seenMs } = version;
  const meeting = annotated
    .filter((claim) => (claim.created ? previous === '' : claim.met === previous && previous !== ''))
    .filter(({ receivedMs }) => receivedMs <= seenMs + clockSkewMs)
    .toSorted((a, b) => a.receivedMs - b.receivedMs);
  const last = meeting.at(-1);
  if (last?.created === true && meeting.length === 1)
    return { certainty: 'verified', requests: [last.request], isFinal: true };
  const rivals = meeting.filter((claim) => last !== undefined && overlap(claim, last));
  const retried = annotated.filter(
    (claim) => !claim.created && !meeting.includes(claim) && canHaveRetried(claim, version, rivals),
  );
  const candidates = [...rivals, ...retried];
  if (last === undefined || candidates.length === 0) return oneOf(candidates);
  const people = new Set(candidates.map(({ request }) => personOf(request)));
  const others = versions.filter((other) => other !== version && candidates.some((claim) => isDuring(other, claim)));
  const isNear = seenMs <= last.completedMs + nearMs && seenMs >= last.receivedMs - nearMs;
  return people.size > 1 || others.length > 0 || !isNear ? oneOf(candidates) : chooseFirst(rivals, 'verified');
}

function overlap(one: Claim, other: Claim): boolean {
  return one.receivedMs <= other.completedMs && other.receivedMs <= one.completedMs;
}

/** Says that a request which met an older version first was under way when this one was made. */
function canHaveRetried(claim: Claim, version: SeenVersion, meeting: readonly Claim[]): boolean {
  const isOlder = isBefore(claim.met ?? '', version.previous ?? '');
  return isOlder && (isDuring(version, claim) || meeting.some((met) => overlap(met, claim)));
}

function isDuring({ seenMs }: SeenVersion, { receivedMs, completedMs }: Claim): boolean {
  return seenMs >= receivedMs && seenMs <= completedMs + watchDelayMs;
}

/** A uid goes once. Who asked for it, and who removed the last finalizer where there was one. */
function judgeDeletion(version: SeenVersion, { claims, versions }: Known): Verdict {
  const asking = claims.filter((claim) => isAsking(claim));
  const ending = claims.filter(({ effect }) => effect.type === 'wrote' && effect.ends);
  const marked = versions.find(({ state }) => state === 'marked');
  const asked =
    marked === undefined
      ? chooseFirst(asking, 'verified')
      : chooseExact(
          asking.filter((claim) => !isNoop(claim, marked)),
          marked,
        );
  const ended = chooseFirst(ending, 'verified');
  if (asked.certainty === 'unknown' && ended.certainty === 'unknown') return unknown;
  const requests = [
    ...asked.requests.map((request) => ({ ...request, role: 'asked' as const })),
    ...ended.requests.map((request) => ({ ...request, role: 'finalizer' as const })),
  ];
  const isKnown = asked.certainty === 'verified' && ended.certainty !== 'one-of';
  const isWhole = marked === undefined ? ending.length === 0 : ended.certainty === 'verified';
  const wentAtOnce = asking.length === 1 && asking[0]?.effect.type === 'deleted';
  return {
    certainty: isKnown ? 'verified' : 'one-of',
    requests,
    isFinal: isKnown && isWhole && wentAtOnce && version.via === 'watch' && marked === undefined,
  };
}

function isAsking({ effect, request }: Claim): boolean {
  if (effect.type === 'deleted') return true;
  if (effect.type === 'annotated') return deletions.has(request.verb);
  return effect.type === 'wrote' && request.verb === 'delete';
}

function judgeReviewedWrite(version: SeenVersion, { claims }: Known): Verdict {
  if (version.content === undefined || version.via === 'relist') return unknown;
  const fitting = claims.filter(({ effect, created, met }) => {
    if (effect.type !== 'reviewed') return false;
    if (!created && met !== version.previous) return false;
    if (created && version.previous !== undefined) return false;
    return effect.operation === 'DELETE' ? version.state === 'marked' : effect.content === version.content;
  });
  return judgeReviews(fitting);
}

function judgeReviewedDeletion(version: SeenVersion, { claims, versions }: Known): Verdict {
  const marked = versions.find(({ state }) => state === 'marked');
  const met = marked?.previous ?? version.previous;
  const asked = judgeReviews(
    claims.filter(({ effect, ...claim }) => isReview(effect, 'DELETE') && claim.met === met && met !== undefined),
  );
  const ended = judgeReviews(claims.filter(({ effect }) => isReview(effect, 'UPDATE') && effect.ends));
  const requests = [
    ...asked.requests.map((request) => ({ ...request, role: 'asked' as const })),
    ...ended.requests.map((request) => ({ ...request, role: 'finalizer' as const })),
  ];
  if (requests.length === 0) return unknown;
  const isKnown = asked.certainty === 'admission' && ended.certainty !== 'one-of';
  return { certainty: isKnown ? 'admission' : 'one-of', requests, isFinal: false };
}

/** Reviews do not say which of them came through: two people with the same content are one of two. */
function judgeReviews(claims: readonly Claim[]): Verdict {
  const people = new Set(claims.map(({ request }) => personOf(request)));
  return people.size > 1 ? oneOf(claims) : chooseFirst(claims, 'admission');
}

function isReview(effect: Claim['effect'], operation: 'UPDATE' | 'DELETE'): effect is ReviewedEffect {
  return effect.type === 'reviewed' && effect.operation === operation;
}

type ReviewedEffect = Extract<Claim['effect'], { readonly type: 'reviewed' }>;

/** Says that a version lies behind the one that was had before and before this one. */
function isBetween(resourceVersion: string, { previous, resourceVersion: until }: SeenVersion): boolean {
  return (previous === undefined || isBefore(previous, resourceVersion)) && isBefore(resourceVersion, until);
}

function isBefore(a: string, b: string): boolean {
  return (compareResourceVersions(a, b) ?? 0) < 0;
}
