// Derives values incrementally: a stage is a pure function of a key and of what it reads; when something that it read
// changes, it runs again for that key, and an output equal to the one before goes no further.
//
//   Source ──▶ Stage ──▶ Stage ──▶ observers        a stage reads only what was made before it, so that one pass
//      └─────▶ Group (members by group) ──▶ Stage    in order of making settles all
import assert from 'node:assert';
import type { Cell, Task } from './cell.ts';
import { type Keyed, Source } from './collection.ts';
import { Group } from './group.ts';
import { type EngineRecord, Recorder } from './recorder.ts';
import { type Compute, Stage, type StageEngine, type StageSpec } from './stage.ts';

/** Makes sources, stages and groups, and settles them. */
export class Derivation implements StageEngine {
  /** Counts stage executions so far: the cost that must follow the change. */
  executions = 0;
  #recorder: Recorder | undefined;
  readonly #names = new Set<string>();
  /** Names of stages by order, which begins with 1: sources have 0. */
  readonly #stages: string[] = [''];
  /** Holds the order of the stage that runs; only later ones may be woken. */
  #running = -1;
  readonly #queues: Task[][] = [];

  /** Makes a source; its name is unique in the engine. */
  source<V>(name: string): Source<V> {
    this.#claim(name);
    return new Source<V>(this, name, 0);
  }

  group<I>(): Group<I> {
    return new Group<I>(this);
  }

  stage<V>(spec: StageSpec<V>): Stage<V> {
    this.#claim(spec.name);
    const order = this.#stages.push(spec.name) - 1;
    return new Stage<V>(this, order, spec);
  }

  get recorder(): Recorder | undefined {
    return this.#recorder;
  }

  /** Tells what runs while `act` does, which must settle what it wakes. `now` gives milliseconds. */
  record<T>(now: () => number, act: () => T): { readonly value: T; readonly record: EngineRecord } {
    assert(this.#recorder === undefined, 'an engine makes one record at a time');
    const recorder = new Recorder(now);
    this.#recorder = recorder;
    try {
      return { value: act(), record: recorder.result() };
    } finally {
      this.#recorder = undefined;
    }
  }

  /** Runs what has been woken, in order, until nothing is. Throws, with the stage and the key, what a stage throws. */
  settle(): void {
    for (let order = 0; order < this.#stages.length; order++) {
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

  enqueue(task: Task): void {
    this.#recorder?.woken(task.stage.name, task.key);
    if (task.queued) return;
    const { name, order } = task.stage;
    if (order <= this.#running)
      assert.fail(
        `stage "${name}" is woken at ${task.key} by "${this.#stages[this.#running]}", which is not before it`,
      );
    task.queued = true;
    (this.#queues[order] ??= []).push(task);
  }

  run<V>(task: Task, compute: Compute<V>): V | undefined {
    this.executions += 1;
    const cells = new Set<Cell>();
    const note = <T>(from: Keyed, tracked: { readonly value: T; readonly cell: Cell }): T => {
      if (from.order >= task.stage.order) assert.fail(`it reads "${from.name}", which was not made before it`);
      cells.add(tracked.cell);
      return tracked.value;
    };
    const value = computed(task, () =>
      compute(task.key, {
        get: (from, key) => note(from, from.track(key)),
        list: (from, group) => note(from, from.trackList(group)),
        count: (from, group) => note(from, from.trackCount(group)),
        has: (from, group) => note(from, from.trackPresence(group)),
      }),
    );
    const old = task.reads;
    for (const cell of cells) cell.add(task);
    task.reads = [...cells];
    for (const cell of old) if (!cells.has(cell)) cell.remove(task);
    return value;
  }

  #claim(name: string): void {
    assert(!this.#names.has(name), `two sources or stages are called "${name}"`);
    this.#names.add(name);
  }
}

/** Says of what a computation throws which stage threw it, and where. */
function computed<V>({ stage, key }: Task, compute: () => V): V {
  try {
    return compute();
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`stage "${stage.name}" failed at ${key}: ${message}`, { cause });
  }
}
