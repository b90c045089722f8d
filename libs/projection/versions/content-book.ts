// Keeps the contents and versions of all gateways, fed by the stages: entries are added and taken away as stage outputs
// change.
import type { GatewayCommand, SeenStanding } from '#libs/events/operator-event.ts';
import type { RestoreEvent } from '#libs/events/restore-event.ts';
import type { DecisionWishes } from '#libs/gateway/objects/decision-wishes.ts';
import { Numbering, type SavedNumbering } from './numbering.ts';
import type { VersionFacts } from '#libs/projection/model/delivery/delivery.ts';
import type { ContentOf, GatewayHead, NewVersion, VersionContent } from './gateway-head.ts';
import type { KeyedEntry } from '#libs/projection/stages/gateway-stages.ts';
import { GatewayVersions } from './gateway-versions.ts';
import { type Limits, limitsFor } from './limits.ts';
import type { ProjectionChange, SavedGateway } from './projection-change.ts';
import { sameValue } from '#libs/derivation/same-value.ts';
import type { Publication } from '#libs/projection/model/publish.ts';
import type { Stages } from '#libs/projection/stages/stages.ts';

export class ContentBook {
  readonly #gateways = new Map<string, GatewayVersions>();
  readonly #touched = new Set<string>();
  readonly #numbering = new Numbering();
  readonly #stages: Stages;

  constructor(stages: Stages) {
    this.#stages = stages;
    stages.gateways.models.observe((gateway) => this.#touch(gateway));
    stages.gateways.labels.observe((gateway) => this.#touch(gateway));
    stages.gateways.listenerEntries.observe((gateway, before, after) => this.#exchange(gateway, before, after));
    stages.gateways.setEntries.observe((_, before, after) => {
      if (before !== undefined && before.gateway !== after?.gateway) this.#exchange(before.gateway, before.entries);
      if (after === undefined) return;
      this.#exchange(after.gateway, before?.gateway === after.gateway ? before.entries : undefined, after.entries);
    });
    stages.routes.publications.observe((_, before, after) => this.#republish(before ?? [], after ?? []));
    stages.usedBackends.observe((key, _, after) => {
      const [gateway, entry] = splitPair(key);
      this.#touch(gateway).content.put(entry, after);
    });
  }

  head(gateway: string): GatewayHead | undefined {
    return this.#gateways.get(gateway)?.head;
  }

  content(gateway: string): VersionContent | undefined {
    const versions = this.#gateways.get(gateway);
    return versions?.head === undefined ? undefined : versions.content.head();
  }

  /** Says where a gateway's versions stand, for its status. */
  facts(gateway: string): VersionFacts | undefined {
    const versions = this.#gateways.get(gateway);
    if (versions?.head === undefined) return undefined;
    const { serving, pinned, alarm } = versions.head;
    return { since: versions.since, serving, pinned, alarm, ports: versions.servedPorts };
  }

  /** Says what a gateway wants of the commands for it; undefined = it is not there, or not ours. */
  decisions(gateway: string): DecisionWishes | undefined {
    return this.#stages.gateways.models.peek(gateway)?.decisions;
  }

  /** Says how a gateway stands, for a command that waits to be confirmed; undefined = it has no versions. */
  standing(gateway: string): SeenStanding | undefined {
    const versions = this.#gateways.get(gateway);
    if (versions?.head === undefined) return undefined;
    const { serving, head } = versions.head;
    return { serving, head, held: versions.content.heldDigest() };
  }

  /** Names the first version that has what the last step brought to a gateway. */
  settled(gateway: string): number | undefined {
    return this.#gateways.get(gateway)?.settled;
  }

  /** Counts the numbers that restores made every gateway pass over. */
  get skipped(): number {
    return this.#numbering.skipped;
  }

  /** Gives the number that the next version of a gateway is above. */
  floor(gateway: string): number {
    return this.#numbering.floor(gateway, this.head(gateway)?.head ?? 0);
  }

  /** Takes over from which numbers on versions go on. */
  restoreNumbering(saved: SavedNumbering): void {
    this.#numbering.load(saved);
  }

  /** Passes over the numbers of versions that a restore of the database lost. */
  passOver(event: RestoreEvent): void {
    const heads = [...this.#gateways].flatMap(([gateway, { head }]) =>
      head === undefined ? [] : [[gateway, head.head] as const],
    );
    this.#numbering.restored(event, heads);
  }

  /** Takes over a saved gateway. The stages have settled on the saved objects before. */
  restore(saved: SavedGateway): void {
    const { content, since, servedPorts, ...head } = saved;
    this.#versions(head.gateway).restore(head, content, since ?? head.serving, servedPorts);
    const labels = this.#stages.gateways.labels.peek(head.gateway);
    // Those that were saved before labels were: the next commit writes them.
    if (labels === undefined || sameValue(labels, head.labels)) this.#touched.delete(head.gateway);
    else this.#touched.add(head.gateway);
  }

  /** Folds one commit into every gateway that it touched. */
  step(commit: {
    readonly operations: ReadonlyMap<string, readonly GatewayCommand[]>;
    /** Gateways whose object has a new spec. */
    readonly respecified: ReadonlySet<string>;
    /** Gateways whose object was deleted before the agent's eyes, and not by a relist that missed it. */
    readonly removed: ReadonlySet<string>;
    readonly limits: Limits;
    readonly contentOf: ContentOf;
  }): Pick<ProjectionChange, 'versions' | 'entries' | 'gateways'> {
    const versions: NewVersion[] = [];
    const entries = new Map<string, string>();
    const gateways: GatewayHead[] = [];
    for (const gateway of [
      ...new Set([...this.#touched, ...commit.operations.keys(), ...commit.respecified, ...commit.removed]),
    ].toSorted()) {
      const one = this.#gateways.get(gateway);
      const model = this.#stages.gateways.models.peek(gateway);
      const present = model !== undefined;
      const labels = this.#stages.gateways.labels.peek(gateway);
      // Nothing is made of a gateway that never was ours.
      if (one === undefined || (one.head === undefined && !present)) continue;
      const operations = commit.operations.get(gateway) ?? [];
      const contentOf = (version: number): ReturnType<ContentOf> => commit.contentOf(gateway, version);
      const respecified = commit.respecified.has(gateway);
      const limits = limitsFor(model?.limits ?? {}, commit.limits);
      const removed = commit.removed.has(gateway);
      const { uid } = model ?? {};
      const step = one.step({ operations, present, respecified, removed, labels, uid, limits, contentOf });
      if (step.version !== undefined) versions.push(step.version);
      if (step.head !== undefined) gateways.push(step.head);
      for (const { hash, json } of step.entries) entries.set(hash, json);
    }
    this.#touched.clear();
    return { versions, entries, gateways };
  }

  #versions(gateway: string): GatewayVersions {
    let versions = this.#gateways.get(gateway);
    if (versions === undefined) this.#gateways.set(gateway, (versions = new GatewayVersions(gateway, this.#numbering)));
    return versions;
  }

  #touch(gateway: string): GatewayVersions {
    this.#touched.add(gateway);
    return this.#versions(gateway);
  }

  #republish(before: readonly Publication[], after: readonly Publication[]): void {
    const left = new Map(before.map(({ gateway, entries }) => [gateway, entries]));
    for (const { gateway, entries } of after) {
      this.#exchange(gateway, left.get(gateway), entries);
      left.delete(gateway);
    }
    for (const [gateway, entries] of left) this.#exchange(gateway, entries, undefined);
  }

  #exchange(gateway: string, before: readonly KeyedEntry[] = [], after: readonly KeyedEntry[] = []): void {
    const { content } = this.#touch(gateway);
    const kept = new Set(after.map(({ key }) => key));
    for (const { key } of before) if (!kept.has(key)) content.put(key, undefined);
    for (const { key, stored } of after) content.put(key, stored);
  }
}

/** Splits at the first space: a gateway's name has none in it. */
function splitPair(key: string): [gateway: string, rest: string] {
  const at = key.indexOf(' ');
  return [key.slice(0, at), key.slice(at + 1)];
}
