// Joins what the agent saw with what Kubernetes tells of requests, whichever comes first. Each change that is stored in
// the log gets an attribution: at once where nothing can alter it, after a while where other requests may claim the
// same, and `unknown` only when it was waited for long enough. What comes late improves it, as long as it is kept.
// Memory is bounded by number and by time; what is given up is counted. It has no clock: its callers tell the time.
import { type AttributionEvent, attributionMessageId } from '#libs/events/attribution-event.ts';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { changeMessageId } from '#libs/events/subjects.ts';
import { compareResourceVersions } from '#libs/fleet/resource-version.ts';
import { type Claim, claimKey } from './claim.ts';
import { type SeenVersion, judge } from './judge.ts';
import { joinVerdicts, unknown, type Verdict } from './verdict.ts';

interface JoinOptions {
  readonly emit: (event: AttributionEvent, id: string) => void;
  /** After this time without a request that fits, a change is `unknown`. */
  readonly waitMs: number;
  /** How long others may still claim what one request claims. */
  readonly settleMs: number;
  /** How long what is known of an object is kept after something new of it. */
  readonly keepMs: number;
  /** Claims, versions and changes in all. */
  readonly itemsMax: number;
  /** Of one object. */
  readonly itemsOfOneMax: number;
  /** What was given up before its time. */
  readonly onDropped: (items: number) => void;
}

/** A version, and what became of it. */
interface KeptVersion extends SeenVersion {
  /** Whether it changed nothing that the history keeps. */
  isSame: boolean;
  /** Whether a change has it already. */
  isTaken: boolean;
}

interface KeptClaim {
  readonly claim: Claim;
  readonly cameMs: number;
}

interface Change {
  readonly event: ChangeEvent;
  readonly id: string;
  /** Several where the connection to the log was away, and the newest stands for all. */
  readonly versions: readonly KeptVersion[];
  readonly storedMs: number;
  /** Since when there is something to tell; undefined = not yet. */
  fittingMs: number | undefined;
  /** attributionMessageId of what was told last. */
  told: string | undefined;
}

/** All that is known of one object. */
interface Entry {
  readonly claims: Map<string, KeptClaim>;
  versions: KeptVersion[];
  changes: Change[];
  touchedMs: number;
}

/** Joins versions, claims and changes of one cluster. */
export class Join {
  readonly #options: JoinOptions;
  /** By uid, the longest untouched first. */
  readonly #entries = new Map<string, Entry>();
  /** Changes of which there is more to tell, by id. */
  readonly #awaiting = new Map<string, { readonly entry: Entry; readonly change: Change }>();
  #items = 0;

  constructor(options: JoinOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#items;
  }

  get awaiting(): number {
    return this.#awaiting.size;
  }

  /** Takes a version that the agent saw, before `stored` of its change. */
  saw(version: SeenVersion): void {
    const entry = this.#touch(version.uid, version.seenMs);
    if (entry.versions.some((known) => !known.isTaken && isSameVersion(known, version))) return;
    entry.versions.push({ ...version, isSame: false, isTaken: false });
    this.#grew(entry, 1);
    this.#weigh(entry, version.seenMs);
  }

  /** The version changed nothing that the history keeps. */
  same(uid: string, resourceVersion: string): void {
    const entry = this.#entries.get(uid);
    const version = entry?.versions.findLast((seen) => seen.resourceVersion === resourceVersion);
    if (entry === undefined || version === undefined) return;
    version.isSame = true;
    // After a listing there is one of each object, and nothing to tell of it.
    if (version.via === 'watch' || version.isTaken) return;
    entry.versions = entry.versions.filter((kept) => kept !== version);
    this.#items -= 1;
    if (sizeOf(entry) === 0) this.#entries.delete(uid);
  }

  /** Takes what a request did. */
  claim(claim: Claim, nowMs: number): void {
    const entry = this.#touch(claim.uid, nowMs);
    const key = claimKey(claim);
    if (entry.claims.has(key)) return;
    entry.claims.set(key, { claim, cameMs: nowMs });
    this.#grew(entry, 1);
    this.#weigh(entry, nowMs);
  }

  /** Takes a change that is stored in the log, so that an attribution comes after it. */
  stored(event: ChangeEvent, nowMs: number): void {
    const known = this.#entries.get(event.uid);
    // There before the agent, and nothing is told of it.
    if (known === undefined && isOlder(event, nowMs - this.#options.keepMs)) return;
    const entry = this.#touch(event.uid, nowMs);
    const id = changeMessageId(event);
    if (entry.changes.some((change) => change.id === id)) return;
    const versions = versionsOf(entry, event);
    for (const version of versions) version.isTaken = true;
    const change: Change = { event, id, versions, storedMs: nowMs, fittingMs: undefined, told: undefined };
    entry.changes.push(change);
    this.#awaiting.set(id, { entry, change });
    this.#grew(entry, 1);
    this.#weigh(entry, nowMs);
  }

  /** Tells what is due, and forgets what is old. To be called often. */
  tick(nowMs: number): void {
    for (const { entry, change } of this.#awaiting.values()) this.#settle(entry, change, nowMs);
    for (const [uid, entry] of this.#entries) {
      if (entry.touchedMs + this.#options.keepMs > nowMs) return;
      this.#forget(uid, entry);
    }
  }

  #touch(uid: string, nowMs: number): Entry {
    const entry = this.#entries.get(uid) ?? { claims: new Map(), versions: [], changes: [], touchedMs: nowMs };
    entry.touchedMs = Math.max(entry.touchedMs, nowMs);
    this.#entries.delete(uid);
    this.#entries.set(uid, entry);
    this.#trim(entry, nowMs - this.#options.keepMs);
    return entry;
  }

  /** Something new is known of an object: its changes that wait, or were told already, are judged again. */
  #weigh(entry: Entry, nowMs: number): void {
    for (const change of entry.changes) this.#settle(entry, change, nowMs);
  }

  #settle(entry: Entry, change: Change, nowMs: number): void {
    const { settleMs, waitMs } = this.#options;
    const verdict = verdictOn(entry, change);
    if (verdict.certainty === 'unknown') {
      if (nowMs < change.storedMs + waitMs) return;
      this.#awaiting.delete(change.id);
      // Nobody tells of what was there before the agent; that need not be said of each object.
      if (change.told === undefined && !isFirstSight(change)) this.#tell(change, verdict, nowMs);
      return;
    }
    change.fittingMs ??= nowMs;
    if (!verdict.isFinal && nowMs < change.fittingMs + settleMs) {
      this.#awaiting.set(change.id, { entry, change });
      return;
    }
    this.#awaiting.delete(change.id);
    this.#tell(change, verdict, nowMs);
  }

  #tell(change: Change, { certainty, requests }: Verdict, nowMs: number): void {
    const { cluster, clusterUid, kind, namespace, name, uid } = change.event;
    const event: AttributionEvent = {
      v: 1,
      type: 'attributed',
      ...{ cluster, clusterUid, kind, namespace, name, uid },
      change: change.id,
      certainty,
      requests,
      seenAt: new Date(nowMs).toISOString(),
    };
    const id = attributionMessageId(event);
    if (id === change.told) return;
    change.told = id;
    this.#options.emit(event, id);
  }

  #grew(entry: Entry, items: number): void {
    this.#items += items;
    const { itemsMax, itemsOfOneMax, onDropped } = this.#options;
    const excess = sizeOf(entry) - itemsOfOneMax;
    if (excess > 0) onDropped(this.#drop(entry, excess));
    for (const [uid, oldest] of this.#entries) {
      if (this.#items <= itemsMax || oldest === entry) return;
      onDropped(this.#forget(uid, oldest));
    }
  }

  /** Takes out what is older than a time; what is awaited stays. */
  #trim(entry: Entry, beforeMs: number): void {
    const before = sizeOf(entry);
    entry.changes = entry.changes.filter(({ id, storedMs }) => storedMs > beforeMs || this.#awaiting.has(id));
    const used = new Set(entry.changes.flatMap(({ versions }) => versions));
    const newest = entry.versions.at(-1);
    entry.versions = entry.versions.filter(
      (version) => version === newest || version.seenMs > beforeMs || used.has(version),
    );
    for (const [key, { cameMs }] of entry.claims) if (cameMs < beforeMs) entry.claims.delete(key);
    this.#items -= before - sizeOf(entry);
  }

  /** Takes the oldest of each kind out of an object of which too much is known; returns how much. */
  #drop(entry: Entry, excess: number): number {
    const before = sizeOf(entry);
    const share = Math.ceil(excess / 2) + 1;
    for (const key of [...entry.claims.keys()].slice(0, share)) entry.claims.delete(key);
    entry.versions = entry.versions.slice(share);
    for (const { id } of entry.changes.splice(0, share)) this.#awaiting.delete(id);
    const dropped = before - sizeOf(entry);
    this.#items -= dropped;
    return dropped;
  }

  #forget(uid: string, entry: Entry): number {
    for (const { id } of entry.changes) this.#awaiting.delete(id);
    this.#entries.delete(uid);
    this.#items -= sizeOf(entry);
    return sizeOf(entry);
  }
}

function verdictOn(entry: Entry, { event, versions }: Change): Verdict {
  const claims = [...entry.claims.values()].map(({ claim }) => claim);
  const known = { claims, versions: entry.versions };
  const own = event.type === 'deleted' ? versions.filter(({ state }) => state === 'gone') : versions;
  return own.length === 0 ? unknown : joinVerdicts(own.map((version) => judge(version, known)));
}

/** Finds the versions that a change is made of: those up to its own that no change before it has. */
function versionsOf({ versions }: Entry, event: ChangeEvent): readonly KeptVersion[] {
  return versions.filter(
    (version) => !version.isTaken && !version.isSame && isUpTo(version, event) && isOfKind(version, event),
  );
}

function isUpTo({ resourceVersion }: KeptVersion, event: ChangeEvent): boolean {
  return event.type === 'deleted' || (compareResourceVersions(resourceVersion, event.resourceVersion) ?? 1) <= 0;
}

function isOfKind({ state }: KeptVersion, { type }: ChangeEvent): boolean {
  return type === 'deleted' || state !== 'gone';
}

function isSameVersion(one: SeenVersion, other: SeenVersion): boolean {
  return one.resourceVersion === other.resourceVersion && one.state === other.state && one.previous === other.previous;
}

/** Says whether neither the agent nor the history knew the object, and it was listed. */
function isFirstSight({ event, versions }: Change): boolean {
  return event.via === 'relist' && versions.every(({ via, previous }) => via === 'relist' && previous === undefined);
}

function isOlder({ via, object }: ChangeEvent, beforeMs: number): boolean {
  return via === 'relist' && object !== null && Date.parse(object.metadata.creationTimestamp) < beforeMs;
}

function sizeOf({ claims, versions, changes }: Entry): number {
  return claims.size + versions.length + changes.length;
}
