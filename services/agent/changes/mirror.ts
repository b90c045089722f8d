// Compares what the agent knows of its cluster with what the history holds, and makes one event of each difference.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { parseChangeEvent } from '#libs/events/parse-change-event.ts';
import { type WatchedKind, kindInfo } from '#libs/gateway/kinds.ts';
import { isNestedDeeper, nestingMax } from '#libs/gateway/nesting.ts';
import { parseLocalKey, toLocalKey } from '#libs/gateway/object-key.ts';
import { describeProblem } from '#libs/gateway/problem.ts';
import {
  type LiveObject,
  type Sealer,
  appliedEvent,
  deletedEvent,
  readLiveObject,
  readLiveSecret,
  succeed,
} from '../objects/live-object.ts';
import type { LiveObjects } from '../objects/live-objects.ts';
import type { Witness } from '../audit/witness.ts';
import { findReferences, referringKinds, servingNamespace } from '../objects/references.ts';
import {
  type AppliedChange,
  type DeletedChange,
  type ObjectName,
  type Source,
  type SourceChange,
  objectName,
} from '../source.ts';
import type { Held, Outbox } from './outbox.ts';

/** Sees the objects whose status Fleetgate writes; null = the object is gone. */
interface StatusObserver {
  observe(key: string, live: LiveObject | null): void;
}

interface MirrorOptions {
  readonly cluster: { readonly name: string; readonly uid: string };
  readonly outbox: Outbox;
  readonly sealer: Sealer | null;
  readonly live: LiveObjects;
  readonly source: Pick<Source, 'reference' | 'isUncertain'>;
  /** See every object whose status Fleetgate writes, and its end. */
  readonly observers: readonly StatusObserver[];
  /** Learns of every version, and of what a comparison finds; null = nobody asks who changed it. */
  readonly witness: Witness | null;
  /** RFC 3339. */
  readonly now: () => string;
  /** An object that the history would not take, with the reason, or null once it would. */
  readonly onUnfit: (key: string, reason: string | null) => void;
}

/** Namespaces whose data planes may serve one Secret. */
const recipientsMax = 32;

/** Mirrors the cluster, and offers each difference from the history to the outbox. */
export class Mirror {
  readonly #options: MirrorOptions;
  readonly #live: LiveObjects;
  readonly #references = new Map<string, Referrer>();
  /**
   * Secrets as they came, to be sealed again when Gateways of other namespaces refer to them; `turn` counts the
   * sealings.
   */
  readonly #secrets = new Map<string, { readonly change: AppliedChange; readonly turn: number }>();
  /** By Secret: the namespaces whose data planes serve it, ordered. */
  #recipients: ReadonlyMap<string, readonly string[]> = new Map();

  constructor(options: MirrorOptions) {
    this.#options = options;
    this.#live = options.live;
  }

  /** Takes in one change of the source; the event is on its way when this returns or resolves. */
  change(change: SourceChange): void | Promise<void> {
    this.#options.witness?.saw(change, this.#knownOf(change));
    if (change.type === 'deleted') return this.#remove(change);
    // Before it is hashed, which goes as deep as the object does. What was known of it stays.
    if (isNestedDeeper(change.object)) {
      const key = toLocalKey(objectName(change.kind, change.object));
      return this.#options.onUnfit(key, `it is nested deeper than ${nestingMax} levels`);
    }
    if (change.kind === 'Secret') return this.#applySecret(change);
    return this.#apply(readLiveObject(change), change.via);
  }

  /** All objects of the kind were taken in: those that the history has beside them are gone. */
  listed(kind: WatchedKind): void {
    this.#live.markListed(kind);
    this.#offerVanished((heldKind) => heldKind === kind);
    if (this.#live.unlistedKinds().length === 0) this.#options.outbox.listed();
  }

  /** Compares everything with what the history is believed to hold. */
  async compare(): Promise<void> {
    for (const [key, live] of this.#live.entries()) {
      if (this.#live.get(key) === live) await this.#offer(key, live, 'relist');
    }
    this.#offerVanished((kind) => this.#live.isListed(kind));
  }

  async #applySecret(change: AppliedChange): Promise<void> {
    const key = toLocalKey(objectName(change.kind, change.object));
    const turn = (this.#secrets.get(key)?.turn ?? 0) + 1;
    this.#secrets.set(key, { change, turn });
    const namespaces = this.#recipients.get(key) ?? [];
    const live = await readLiveSecret(change, this.#options.sealer, this.#live.get(key), namespaces);
    // Else it changed, went, or is sealed again meanwhile.
    if (this.#secrets.get(key)?.turn === turn) await this.#apply(live, change.via);
  }

  #apply(read: LiveObject, via: ChangeEvent['via']): void | Promise<void> {
    const key = toLocalKey(read.name);
    const before = this.#live.get(key);
    const live = succeed(before, read, this.#options.now());
    this.#live.set(key, live);
    if (live.status !== undefined) this.#observed(key, live);
    if (before?.hash === live.hash && before.object.metadata.uid === live.object.metadata.uid) {
      this.#options.witness?.same(live.object.metadata);
      return this.#offer(key, live, via);
    }
    if (referringKinds.has(live.name.kind)) {
      this.#refer(key, { names: findReferences(live.object), namespace: servingNamespace(live.object) });
    }
    return this.#offer(key, live, via);
  }

  #remove(change: DeletedChange): void {
    const key = toLocalKey(change);
    this.#options.onUnfit(key, null);
    if (this.#live.delete(key) && kindInfo(change.kind)?.status) this.#observed(key, null);
    this.#secrets.delete(key);
    if (referringKinds.has(change.kind)) this.#refer(key, { names: [], namespace: '' });
    const { outbox, cluster, now } = this.#options;
    const held = outbox.held.get(key);
    if (held === undefined) return;
    const seen = { at: now(), via: change.via };
    const event = deletedEvent(change, cluster, seen);
    const { uid, resourceVersion } = held;
    // An object that became unfit goes by the name that the history has for it.
    outbox.offer(
      parseChangeEvent(event).ok
        ? event
        : deletedEvent({ ...objectNameOf(change), uid, resourceVersion }, cluster, seen),
    );
  }

  /** Gives the version that the agent had, or the history, of the place that a change is about. */
  #knownOf(change: SourceChange): { readonly uid: string; readonly resourceVersion: string } | undefined {
    const key = toLocalKey(change.type === 'deleted' ? change : objectName(change.kind, change.object));
    // Of Secrets the newest may still be being sealed.
    const known = this.#secrets.get(key)?.change.object ?? this.#live.get(key)?.object;
    return known?.metadata ?? this.#options.outbox.held.get(key);
  }

  #observed(key: string, live: LiveObject | null): void {
    for (const observer of this.#options.observers) observer.observe(key, live);
  }

  #offer(key: string, live: LiveObject, via: ChangeEvent['via']): void | Promise<void> {
    const { outbox, cluster, now, witness } = this.#options;
    if (outbox.holds(key, live.object.metadata.uid, live.hash)) return;
    const event = appliedEvent(live, cluster, { at: now(), via });
    const parsed = parseChangeEvent(event);
    const [problem] = parsed.ok ? [] : parsed.problems;
    this.#options.onUnfit(key, problem === undefined ? null : describeProblem(problem));
    if (!parsed.ok) return undefined;
    witness?.compared(event, outbox.held.get(key));
    outbox.offer(event);
    return via === 'relist' ? outbox.room() : undefined;
  }

  #offerVanished(isChecked: (kind: WatchedKind) => boolean): void {
    const { outbox, cluster, now, source, witness } = this.#options;
    const gone: [ObjectName, Held][] = [];
    for (const [key, held] of outbox.held) {
      if (this.#live.has(key) || source.isUncertain(key)) continue;
      const name = parseHeldKey(key);
      if (name !== null && isChecked(name.kind)) gone.push([name, held]);
    }
    const at = now();
    for (const [name, { uid, resourceVersion }] of gone) {
      const event = deletedEvent({ ...name, uid, resourceVersion }, cluster, { at, via: 'relist' });
      witness?.compared(event, { uid, resourceVersion });
      outbox.offer(event);
    }
  }

  #refer(key: string, referrer: Referrer): void {
    const before = this.#references.get(key) ?? { names: [], namespace: '' };
    if (textOf(before) === textOf(referrer)) return;
    if (referrer.names.length === 0) this.#references.delete(key);
    else this.#references.set(key, referrer);
    const all = new Map<string, ObjectName>();
    const namespaces = new Map<string, Set<string>>();
    for (const { names, namespace } of this.#references.values()) {
      for (const name of names) {
        const named = toLocalKey(name);
        all.set(named, name);
        if (name.kind === 'Secret' && namespace !== '')
          namespaces.set(named, (namespaces.get(named) ?? new Set()).add(namespace));
      }
    }
    const recipientsBefore = this.#recipients;
    this.#recipients = new Map(
      [...namespaces].map(([named, set]) => [named, [...set].toSorted().slice(0, recipientsMax)]),
    );
    this.#options.source.reference([...all.values()]);
    for (const [named, { change }] of this.#secrets) {
      const recipients = this.#recipients.get(named);
      if (recipients !== undefined && recipients.join() !== recipientsBefore.get(named)?.join())
        void this.#applySecret(change);
    }
  }
}

/** Says to what an object refers, and where the Gateway is that serves that. */
interface Referrer {
  readonly names: readonly ObjectName[];
  readonly namespace: string;
}

function textOf({ names, namespace }: Referrer): string {
  return [namespace, ...names.map(toLocalKey)].join();
}

function objectNameOf({ kind, namespace, name }: ObjectName): ObjectName {
  return { kind, namespace, name };
}

/** Reads a key of the history; null = it names no kind that is watched here. */
function parseHeldKey(key: string): ObjectName | null {
  const { kind, ...place } = parseLocalKey(key);
  const info = kindInfo(kind);
  return info === undefined || place.name === '' ? null : { kind: info.kind, ...place };
}
