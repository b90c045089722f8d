// Folds the versions of one gateway: live content becomes the next version, a rollback brings an old one back and pins,
// a release ends the pin. A commit makes at most one new version; versions only go up.
import type { GatewayCommand } from '#libs/events/operator-event.ts';
import type { StoredEntry } from '#libs/snapshot/entry.ts';
import { type EntryChange, GatewayContent } from './gateway-content.ts';
import type { Labels } from '#libs/snapshot/gateway-glob.ts';
import type { GatewayHead, NewVersion, VersionContent, VersionPort } from './gateway-head.ts';
import { type Limits, limitAlarm } from './limits.ts';
import type { Numbering } from './numbering.ts';
import { sameValue } from '#libs/derivation/same-value.ts';
import { parsePlaceKey } from '#libs/gateway/object-key.ts';

/** Says what one commit did to a gateway. */
interface VersionStep {
  readonly version?: NewVersion;
  /** Entries that the version brings. */
  readonly entries: readonly StoredEntry[];
  /** Present when it is another than before. */
  readonly head?: GatewayHead;
}

/** Holds one commit, as far as it is about this gateway. */
interface Commit {
  readonly operations: readonly GatewayCommand[];
  /** The Gateway object is there and ours. */
  readonly present: boolean;
  /** The Gateway object has a new spec. */
  readonly respecified: boolean;
  /** Of the Gateway object; undefined = it is not there. */
  readonly labels: Labels | undefined;
  readonly uid: string | undefined;
  /** The Gateway object was deleted before the agent's eyes. */
  readonly removed: boolean;
  readonly limits: Limits;
  readonly contentOf: (version: number) => VersionContent;
}

/** Says what a commit's operator events come to, in their order. */
interface Decision {
  /** The Gateway object is gone or another one: what was pinned or held back was the old one's. */
  readonly anew: boolean;
  readonly pinned: boolean;
  readonly rollbackTo: number | undefined;
  readonly released: boolean;
  readonly accepted: boolean;
}

export class GatewayVersions {
  readonly gateway: string;
  readonly content = new GatewayContent();
  readonly #numbering: Numbering;
  /** Names the first version made at or after the last change of the Gateway object. */
  since = 0;
  #servedPorts: readonly VersionPort[] = [];
  #head: GatewayHead | undefined;

  constructor(gateway: string, numbering: Numbering) {
    this.gateway = gateway;
    this.#numbering = numbering;
  }

  get head(): GatewayHead | undefined {
    return this.#head;
  }

  /** Gives the ports of the version that is served. */
  get servedPorts(): readonly VersionPort[] {
    return this.#servedPorts;
  }

  /** Says where a change of an object stands in the versions that it went into at the last step. */
  get settled(): number {
    const { head = 0, alarm = null } = this.#head ?? {};
    // What is held back becomes a version later, if at all.
    return alarm === null ? head : this.#numbering.floor(this.gateway, head) + 1;
  }

  /** Takes over what is saved. */
  restore(head: GatewayHead, content: VersionContent, since: number, servedPorts: readonly VersionPort[] = []): void {
    this.#head = head;
    this.since = since;
    this.#servedPorts = head.serving === head.head ? (content.ports ?? []) : servedPorts;
    this.content.takeVersion(content);
    this.content.settle();
  }

  /** Folds one commit. */
  step(commit: Commit): VersionStep {
    const liveChanged = this.content.settle();
    const before = this.#head;
    const known = before?.uid ?? null;
    const anew = commit.removed || (commit.uid !== undefined && known !== null && commit.uid !== known);
    const decision = decide(commit.operations, anew, before?.pinned ?? false);
    const made = this.#make(decision, liveChanged, commit);
    const after = this.#nextHead(before, decision, made, commit);
    this.#head = after;
    if (before === undefined || commit.respecified) this.since = this.settled;
    if (after.serving === after.head) this.#servedPorts = this.content.headPorts;
    const changed = before === undefined || headFields.some((field) => !sameValue(before[field], after[field]));
    return {
      ...(made.version === undefined ? {} : { version: made.version }),
      entries: made.entries,
      ...(changed ? { head: after } : {}),
    };
  }

  #make(
    decision: Decision,
    liveChanged: boolean,
    { limits, contentOf }: Commit,
  ): { readonly version?: NewVersion; readonly entries: readonly StoredEntry[]; readonly alarm: string | null } {
    const { anew, rollbackTo, released, accepted } = decision;
    const before = this.#head;
    if (rollbackTo !== undefined && before !== undefined) {
      const changes = this.content.takeVersion(contentOf(rollbackTo));
      return { version: this.#version('rollback', rollbackTo, changes), entries: [], alarm: null };
    }
    const alarm = before?.alarm ?? null;
    const due =
      before === undefined ||
      (this.content.differs && (liveChanged || released || anew || (accepted && alarm !== null)));
    if (!due) return { entries: [], alarm: this.content.differs ? alarm : null };
    const proposal = this.content.proposal();
    // A new object takes nothing away from itself.
    const judged = anew ? { ...proposal, headEntries: 0, headRules: 0, removedRules: 0 } : proposal;
    const held = accepted && alarm !== null ? undefined : limitAlarm(judged, limits);
    if (held !== undefined) {
      // The first version must exist for the alarm to stand on, and what an old object had is gone; it is empty then.
      const empty = anew ? this.content.takeVersion({ entries: new Map() }) : [];
      const first = before === undefined || anew ? { version: this.#version('change', null, empty) } : {};
      return { ...first, entries: [], alarm: held };
    }
    const { changes, entries } = this.content.takeLive();
    return { version: this.#version(released ? 'release' : 'change', null, changes), entries, alarm: null };
  }

  #version(cause: NewVersion['cause'], ofVersion: number | null, changes: readonly EntryChange[]): NewVersion {
    const version = this.#numbering.floor(this.gateway, this.#head?.head ?? 0) + 1;
    const digest = this.content.digest();
    return { gateway: this.gateway, version, digest, entryCount: this.content.headEntries, cause, ofVersion, changes };
  }

  #nextHead(
    before: GatewayHead | undefined,
    decision: Decision,
    made: { readonly version?: NewVersion; readonly alarm: string | null },
    { present, labels, uid, limits }: Commit,
  ): GatewayHead {
    const head = made.version?.version ?? before?.head ?? 0;
    const stays = decision.pinned && decision.rollbackTo === undefined;
    const serving = stays ? (before?.serving ?? head) : head;
    const deleted = !present && !decision.pinned && this.content.headEntries === 0;
    return {
      gateway: this.gateway,
      ...parsePlaceKey(this.gateway),
      head,
      serving,
      pinned: decision.pinned,
      deleted,
      alarm: made.alarm,
      labels: labels ?? before?.labels ?? {},
      uid: uid ?? before?.uid ?? null,
      limits,
    };
  }
}

const headFields = ['head', 'serving', 'pinned', 'deleted', 'alarm', 'labels', 'uid', 'limits'] as const;

/** Decides by the last of rollback and release; an accept counts wherever it stands. */
function decide(operations: readonly GatewayCommand[], anew: boolean, wasPinned: boolean): Decision {
  const pinned = wasPinned && !anew;
  const accepted = operations.some(({ type }) => type === 'accept');
  const last = operations.findLast(({ type }) => type !== 'accept');
  if (last?.type === 'release') return { anew, pinned: false, rollbackTo: undefined, released: true, accepted };
  // A rollback without a version is refused before it is stored.
  if (last?.type === 'rollback' && last.to !== null)
    return { anew, pinned: true, rollbackTo: last.to, released: false, accepted };
  return { anew, pinned, rollbackTo: undefined, released: false, accepted };
}
