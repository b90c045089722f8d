// Holds values by key that stages can read, and wakes the readers of a value that changes.
import { type Cell, Cells, type Engine } from './cell.ts';

/** Has keys that come and go: drives a stage. */
export interface Keyed {
  readonly name: string;
  readonly order: number;
  readonly has: (key: string) => boolean;
  readonly onKey: (wake: (key: string) => void) => void;
}

type Observer<V> = (key: string, before: V | undefined, after: V | undefined) => void;

/** Describes what sources and stages have in common. */
export abstract class Collection<V> implements Keyed {
  readonly name: string;
  readonly order: number;
  readonly #engine: Engine;
  protected readonly values = new Map<string, V>();
  protected readonly cells: Cells;
  readonly #observers: Observer<V>[] = [];

  constructor(engine: Engine, name: string, order: number) {
    this.#engine = engine;
    this.name = name;
    this.order = order;
    this.cells = new Cells((key) => this.unread(key));
  }

  /** Answers the value now, without making a dependency. */
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

  /** Answers the engine with the value and its cell; the value is computed first if nobody wanted it before. */
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
    const { recorder } = this.#engine;
    if (recorder === undefined) this.#wake(key, before, after);
    else recorder.changing(this.name, key, () => this.#wake(key, before, after));
  }

  #wake(key: string, before: V | undefined, after: V | undefined): void {
    this.cells.wake(this.#engine, key);
    for (const observer of this.#observers) observer(key, before, after);
  }
}

/** Holds values that are put in from outside. */
export class Source<V> extends Collection<V> {
  set(key: string, value: V | undefined): void {
    if (this.values.get(key) !== value) this.change(key, value);
  }
}
