// Remembers who reads what: each readable thing that is read has a cell, which holds the tasks to wake.
import type { Recorder } from './recorder.ts';

/** Stands for one stage at one key. */
export interface Task {
  readonly stage: Runner;
  readonly key: string;
  reads: readonly Cell[];
  queued: boolean;
}

/** Describes a stage as its tasks see it. */
export interface Runner {
  readonly name: string;
  readonly order: number;
  readonly execute: (task: Task) => void;
  readonly discard: (task: Task) => void;
}

/** Describes an engine as what lives in it sees it. */
export interface Engine {
  /** Listens while somebody wants to know what runs. */
  readonly recorder: Recorder | undefined;
  /** Marks a task to be run; its stage must come after the one that runs now. */
  readonly enqueue: (task: Task) => void;
}

/** Holds who reads one thing. Most have one reader, so that a Set comes only with the second. */
export class Cell {
  readonly #released: () => void;
  #one: Task | undefined;
  #many: Set<Task> | undefined;

  constructor(released: () => void) {
    this.#released = released;
  }

  get idle(): boolean {
    return this.#one === undefined && this.#many === undefined;
  }

  add(task: Task): void {
    if (this.#many !== undefined) this.#many.add(task);
    else if (this.#one === undefined) this.#one = task;
    else if (this.#one !== task) {
      this.#many = new Set([this.#one, task]);
      this.#one = undefined;
    }
  }

  remove(task: Task): void {
    if (this.#one === task) this.#one = undefined;
    this.#many?.delete(task);
    if (this.#many?.size === 0) this.#many = undefined;
    if (this.idle) this.#released();
  }

  *readers(): Iterable<Task> {
    if (this.#one !== undefined) yield this.#one;
    if (this.#many !== undefined) yield* this.#many;
  }
}

/** Holds the cells of one collection, of keys that somebody reads. */
export class Cells {
  readonly #cells = new Map<string, Cell>();
  readonly #released: (key: string) => void;

  constructor(released: (key: string) => void = () => undefined) {
    this.#released = released;
  }

  at(key: string): Cell {
    const known = this.#cells.get(key);
    if (known !== undefined) return known;
    const cell = new Cell(() => {
      this.#cells.delete(key);
      this.#released(key);
    });
    this.#cells.set(key, cell);
    return cell;
  }

  has(key: string): boolean {
    return this.#cells.has(key);
  }

  wake(engine: Engine, key: string): void {
    const cell = this.#cells.get(key);
    if (cell === undefined) return;
    for (const task of cell.readers()) engine.enqueue(task);
  }
}
