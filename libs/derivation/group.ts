// Gathers what values of collections put into groups, and wakes the readers of a group's list, count and presence
// apart.
import { type Cell, Cells, type Engine } from './cell.ts';
import type { Collection, Keyed } from './collection.ts';
import { sameValue } from './same-value.ts';

/** Describes one thing that a value puts into a group. `member` is unique in the group. */
export interface Membership<I> {
  readonly group: string;
  readonly member: string;
  readonly item: I;
}

/** Holds members by group: an index, a count, or a set with reference counts. */
export class Group<I> implements Keyed {
  #order = 0;
  readonly #engine: Engine;
  readonly #fedBy: string[] = [];
  readonly #groups = new Map<string, Map<string, I>>();
  readonly #lists = new Cells();
  readonly #counts = new Cells();
  readonly #presences = new Cells();
  readonly #onKey: ((key: string) => void)[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Names what feeds it: a group has no name of its own. */
  get name(): string {
    return `groups of ${this.#fedBy.join(', ')}`;
  }

  get order(): number {
    return this.#order;
  }

  /** Keeps the memberships of every value of a collection. */
  feed<V>(from: Collection<V>, membershipsOf: (key: string, value: V) => readonly Membership<I>[]): this {
    this.#fedBy.push(from.name);
    this.#order = Math.max(this.#order, from.order);
    from.observe((key, before, after) => {
      const old = before === undefined ? [] : membershipsOf(key, before);
      const now = after === undefined ? [] : membershipsOf(key, after);
      const kept = new Set(now.map(idOf));
      for (const membership of old) if (!kept.has(idOf(membership))) this.#remove(membership);
      for (const membership of now) this.#put(membership);
    });
    return this;
  }

  has(group: string): boolean {
    return this.#groups.has(group);
  }

  onKey(wake: (key: string) => void): void {
    this.#onKey.push(wake);
  }

  trackList(group: string): { readonly value: readonly I[]; readonly cell: Cell } {
    const members = [...(this.#groups.get(group) ?? [])]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([, item]) => item);
    return { value: members, cell: this.#lists.at(group) };
  }

  trackCount(group: string): { readonly value: number; readonly cell: Cell } {
    return { value: this.#groups.get(group)?.size ?? 0, cell: this.#counts.at(group) };
  }

  trackPresence(group: string): { readonly value: boolean; readonly cell: Cell } {
    return { value: this.#groups.has(group), cell: this.#presences.at(group) };
  }

  #put({ group, member, item }: Membership<I>): void {
    const members = this.#groups.get(group);
    if (members === undefined) {
      this.#groups.set(group, new Map([[member, item]]));
      this.#flipped(group);
    } else {
      const known = members.has(member);
      if (known && sameValue(members.get(member), item)) return;
      members.set(member, item);
      if (!known) this.#counts.wake(this.#engine, group);
    }
    this.#lists.wake(this.#engine, group);
  }

  #remove({ group, member }: Membership<I>): void {
    const members = this.#groups.get(group);
    if (members?.delete(member) !== true) return;
    if (members.size === 0) {
      this.#groups.delete(group);
      this.#flipped(group);
    } else this.#counts.wake(this.#engine, group);
    this.#lists.wake(this.#engine, group);
  }

  #flipped(group: string): void {
    this.#counts.wake(this.#engine, group);
    this.#presences.wake(this.#engine, group);
    for (const wake of this.#onKey) wake(group);
  }
}

function idOf(membership: Membership<unknown>): string {
  return `${membership.group}\n${membership.member}`;
}
