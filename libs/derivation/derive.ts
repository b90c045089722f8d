// Dependency-tracked derivation: a stage is a pure function of a key and of what it reads; when something that it read changes, it
// runs again for that key, and an output equal to the one before goes no further.
//
//   Source ──▶ Stage ──▶ Stage ──▶ observers        a stage reads only what was made before it, so one pass in order of making settles all
//      └─────▶ Group (members by group) ──▶ Stage
import assert from 'node:assert';
import { type Cell, Cells, type Runner, type Task } from './cell.ts';
import { sameValue } from './same-value.ts';

/** What a stage may look at. Every read is remembered as a dependency. */
export interface Read {
  readonly get: <V>(from: Collection<V>, key: string) => V | undefined;
  /** The members of a group, ordered by member key. */
  readonly list: <I>(from: Group<I>, group: string) => readonly I[];
  /** How many members a group has; unlike list, not woken by a member's change. */
  readonly count: (from: Group<unknown>, group: string) => number;
  readonly has: (from: Group<unknown>, group: string) => boolean;
}

/** Something with keys that come and go: drives a stage. */
export interface Keyed {
  readonly order: number;
  readonly has: (key: string) => boolean;
  readonly onKey: (wake: (key: string) => void) => void;
}

export type Observer<V> = (key: string, before: V | undefined, after: V | undefined) => void;

/** Values by key that stages can read. */
export abstract class Collection<V> implements Keyed {
  readonly order: number;
  protected readonly engine: Derivation;
  protected readonly values = new Map<string, V>();
  protected readonly cells: Cells;
  readonly #observers: Observer<V>[] = [];

  constructor(engine: Derivation, order: number) {
    this.engine = engine;
    this.order = order;
    this.cells = new Cells((key) => this.unread(key));
  }

  /** The value now, without making a dependency. */
  peek(key: string): V | undefined {
    return this.values.get(key);
  }

  has(key: string): boolean {
    return this.values.has(key);
  }

  keys(): Iterable<string> {
    return this.values.keys();
  }

  entries(): Iterable<readonly [string, V]> {
    return this.values;
  }

  get size(): number {
    return this.values.size;
  }

  /** Calls back on each change of a value, during the run. */
  observe(observer: Observer<V>): void {
    this.#observers.push(observer);
  }

  onKey(wake: (key: string) => void): void {
    this.observe(wake);
  }

  /** For the engine: the value and its cell, computed first if nobody wanted it before. */
  track(key: string): { readonly value: V | undefined; readonly cell: Cell } {
    const cell = this.cells.at(key);
    this.wanted(key);
    return { value: this.values.get(key), cell };
  }

  protected wanted(key: string): void {
    void key;
  }

  protected unread(key: string): void {
    void key;
  }

  protected change(key: string, after: V | undefined): void {
    const before = this.values.get(key);
    if (after === undefined) this.values.delete(key);
    else this.values.set(key, after);
    this.cells.wake(this.engine, key);
    for (const observer of this.#observers) observer(key, before, after);
  }
}

/** Values put in from outside. */
export class Source<V> extends Collection<V> {
  set(key: string, value: V | undefined): void {
    if (this.values.get(key) !== value) this.change(key, value);
  }
}

/** Values computed from what was read; undefined = no value at this key. */
export class Stage<V> extends Collection<V> implements Runner {
  readonly name: string;
  readonly #compute: (key: string, read: Read) => V | undefined;
  readonly #each: Keyed | undefined;
  readonly #tasks = new Map<string, Task>();

  constructor(
    engine: Derivation,
    order: number,
    spec: {
      readonly name: string;
      readonly each?: Keyed;
      readonly compute: (key: string, read: Read) => V | undefined;
    },
  ) {
    super(engine, order);
    this.name = spec.name;
    this.#compute = spec.compute;
    this.#each = spec.each;
    spec.each?.onKey((key) => engine.enqueue(this.#task(key)));
  }

  execute(task: Task): void {
    const after = this.engine.run(task, this.#compute);
    if (!sameValue(this.values.get(task.key), after)) this.change(task.key, after);
    this.#dropUnneeded(task.key);
  }

  discard(task: Task): void {
    for (const cell of task.reads) cell.remove(task);
    task.reads = [];
  }

  protected override wanted(key: string): void {
    if (this.#tasks.has(key)) return;
    this.execute(this.#task(key));
  }

  protected override unread(key: string): void {
    this.#dropUnneeded(key);
  }

  #task(key: string): Task {
    const known = this.#tasks.get(key);
    if (known !== undefined) return known;
    const task: Task = { stage: this, key, reads: [], queued: false };
    this.#tasks.set(key, task);
    return task;
  }

  #dropUnneeded(key: string): void {
    const task = this.#tasks.get(key);
    if (task === undefined || task.queued || this.cells.has(key) || this.#each?.has(key) === true) return;
    this.#tasks.delete(key);
    this.discard(task);
    if (this.values.has(key)) this.change(key, undefined);
  }
}

/** One thing that a value puts into a group. `member` is unique in the group. */
export interface Membership<I> {
  readonly group: string;
  readonly member: string;
  readonly item: I;
}

/** Members by group, fed by collections: an index, a count, or a set with reference counts. */
export class Group<I> implements Keyed {
  #order = 0;
  readonly #engine: Derivation;
  readonly #groups = new Map<string, Map<string, I>>();
  readonly #lists = new Cells();
  readonly #counts = new Cells();
  readonly #presences = new Cells();
  readonly #onKey: ((key: string) => void)[] = [];

  constructor(engine: Derivation) {
    this.#engine = engine;
  }

  get order(): number {
    return this.#order;
  }

  /** Keeps the memberships of every value of a collection. */
  feed<V>(from: Collection<V>, membershipsOf: (key: string, value: V) => readonly Membership<I>[]): this {
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

/** Makes sources, stages and groups, and settles them. */
export class Derivation {
  /** Stage executions so far: the cost that must follow the change. */
  executions = 0;
  #orders = 0;
  /** Order of the stage that runs; only later ones may be woken. */
  #running = -1;
  readonly #queues: Task[][] = [];

  source<V>(): Source<V> {
    return new Source<V>(this, 0);
  }

  group<I>(): Group<I> {
    return new Group<I>(this);
  }

  /** `each` drives the keys; without it a key lives as long as somebody reads it. */
  stage<V>(spec: {
    readonly name: string;
    readonly each?: Keyed;
    readonly compute: (key: string, read: Read) => V | undefined;
  }): Stage<V> {
    this.#orders += 1;
    return new Stage<V>(this, this.#orders, spec);
  }

  /** Runs what has been woken, in order, until nothing is. */
  settle(): void {
    for (let order = 0; order <= this.#orders; order++) {
      this.#running = order;
      const queue = this.#queues[order];
      while (queue !== undefined) {
        const task = queue.pop();
        if (task === undefined) break;
        task.queued = false;
        task.stage.execute(task);
      }
    }
    this.#running = -1;
  }

  /** For stages: marks a task to be run. */
  enqueue(task: Task): void {
    if (task.queued) return;
    assert(task.stage.order > this.#running, 'a stage wakes only later stages');
    task.queued = true;
    (this.#queues[task.stage.order] ??= []).push(task);
  }

  /** For stages: computes once and notes what was read. */
  run<V>(task: Task, compute: (key: string, read: Read) => V | undefined): V | undefined {
    this.executions += 1;
    const cells = new Set<Cell>();
    const note = <T>(from: Keyed, tracked: { readonly value: T; readonly cell: Cell }): T => {
      assert(from.order < task.stage.order, 'a stage reads only what was made before it');
      cells.add(tracked.cell);
      return tracked.value;
    };
    const value = compute(task.key, {
      get: (from, key) => note(from, from.track(key)),
      list: (from, group) => note(from, from.trackList(group)),
      count: (from, group) => note(from, from.trackCount(group)),
      has: (from, group) => note(from, from.trackPresence(group)),
    });
    const old = task.reads;
    for (const cell of cells) cell.add(task);
    task.reads = [...cells];
    for (const cell of old) if (!cells.has(cell)) cell.remove(task);
    return value;
  }
}

function idOf(membership: Membership<unknown>): string {
  return `${membership.group}\n${membership.member}`;
}
