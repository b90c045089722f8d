// Computes values from what was read, key by key, and forgets the keys that nobody needs.
import type { Engine, Runner, Task } from './cell.ts';
import { Collection, type Keyed } from './collection.ts';
import type { Group } from './group.ts';
import type { Output } from './recorder.ts';
import { sameValue } from './same-value.ts';

/** Gives a stage what it may look at. Every read is remembered as a dependency. */
export interface Read {
  readonly get: <V>(from: Collection<V>, key: string) => V | undefined;
  /** Answers the members of a group, ordered by member key. */
  readonly list: <I>(from: Group<I>, group: string) => readonly I[];
  /** Answers how many members a group has; unlike list, not woken by a member's change. */
  readonly count: (from: Group<unknown>, group: string) => number;
  readonly has: (from: Group<unknown>, group: string) => boolean;
}

/** Computes the value at a key; undefined = no value there. */
export type Compute<V> = (key: string, read: Read) => V | undefined;

export interface StageSpec<V> {
  /** Unique in the engine. */
  readonly name: string;
  /** Drives the keys; without it a key lives as long as somebody reads it. */
  readonly each?: Keyed;
  readonly compute: Compute<V>;
}

/** Is an engine that runs stages. */
export interface StageEngine extends Engine {
  /** Describes an engine that runs stages. */
  readonly run: <V>(task: Task, compute: Compute<V>) => V | undefined;
}

/** Holds computed values. */
export class Stage<V> extends Collection<V> implements Runner {
  readonly #engine: StageEngine;
  readonly #compute: Compute<V>;
  readonly #each: Keyed | undefined;
  readonly #tasks = new Map<string, Task>();

  constructor(engine: StageEngine, order: number, { name, each, compute }: StageSpec<V>) {
    super(engine, name, order);
    this.#engine = engine;
    this.#compute = compute;
    this.#each = each;
    each?.onKey((key) => engine.enqueue(this.#task(key)));
  }

  execute(task: Task): void {
    const { recorder } = this.#engine;
    recorder?.begin(this.name, task.key);
    const after = this.#engine.run(task, this.#compute);
    const before = this.values.get(task.key);
    const isSame = sameValue(before, after);
    recorder?.end(isSame ? 'same' : outputOf(before, after));
    if (!isSame) this.change(task.key, after);
    this.#dropUnneeded(task.key);
  }

  discard(task: Task): void {
    for (const cell of task.reads) cell.remove(task);
    task.reads = [];
  }

  protected override wanted(key: string): void {
    if (this.#tasks.has(key)) return;
    this.#engine.recorder?.wanted(this.name, key);
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
    if (!this.values.has(key)) return;
    this.#engine.recorder?.dropped(this.name, key);
    this.change(key, undefined);
  }
}

function outputOf(before: unknown, after: unknown): Output {
  if (before === undefined) return 'new';
  return after === undefined ? 'removed' : 'changed';
}
