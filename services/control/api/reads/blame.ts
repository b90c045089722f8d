// Tells of each field of an object which event gave it the value that it has: the newest one before which it had
// another, or none. Lists whose items have names are compared by name, others by place. Pure.
import { fieldPath, itemPath, itemsByName } from './field-path.ts';

type Step = { readonly key: string } | { readonly index: number; readonly name: string | undefined };

interface Leaf {
  readonly path: string;
  readonly steps: readonly Step[];
  /** JSON of the value: a text, a number, a truth value, null, or an empty list or object. */
  readonly json: string;
}

const depthMax = 64;

export class Blame<E> {
  readonly #leaves: readonly Leaf[];
  readonly #open: Set<Leaf>;
  readonly #found = new Map<Leaf, E>();

  /** `object` is as it is now; only the fields at open places are looked for. */
  constructor(object: unknown, isOpen: (place: number) => boolean = always) {
    this.#leaves = leavesOf(object);
    this.#open = new Set(this.#leaves.filter((_, place) => isOpen(place)));
  }

  /** Counts the fields of the object. */
  get size(): number {
    return this.#leaves.length;
  }

  /** Says whether the event of every field is known. */
  get isDone(): boolean {
    return this.#open.size === 0;
  }

  /** Takes the event that followed on `older`; undefined = there was no object. Events come newest first. */
  take(event: E, older: unknown): void {
    for (const leaf of this.#open) {
      if (JSON.stringify(valueAt(older, leaf.steps)) === leaf.json) continue;
      this.#open.delete(leaf);
      this.#found.set(leaf, event);
    }
  }

  /** Gives the places of the fields whose event is not known. */
  openPlaces(): readonly number[] {
    return this.#leaves.flatMap((leaf, place) => (this.#open.has(leaf) ? [place] : []));
  }

  /** Gives every field in the order of the object; `event` undefined = an older one than were taken. */
  fields(): readonly { readonly path: string; readonly value: unknown; readonly event: E | undefined }[] {
    return this.#leaves.map((leaf) => ({
      path: leaf.path,
      value: JSON.parse(leaf.json),
      event: this.#found.get(leaf),
    }));
  }
}

function always(): boolean {
  return true;
}

function leavesOf(object: unknown): readonly Leaf[] {
  const leaves: Leaf[] = [];
  const walk = (value: unknown, path: string, steps: readonly Step[]): void => {
    const children = steps.length < depthMax ? childrenOf(value) : [];
    if (children.length === 0) leaves.push({ path, steps, json: JSON.stringify(value) });
    for (const [step, child] of children) walk(child, stepPath(path, step), [...steps, step]);
  };
  walk(object, '', []);
  return leaves;
}

function childrenOf(value: unknown): readonly (readonly [Step, unknown])[] {
  if (typeof value !== 'object' || value === null) return [];
  if (!Array.isArray(value)) return Object.entries(value).map(([key, child]) => [{ key }, child]);
  const names = [...(itemsByName(value)?.keys() ?? [])];
  return value.map((child, index) => [{ index, name: names[index] }, child]);
}

function valueAt(value: unknown, steps: readonly Step[]): unknown {
  let at = value;
  for (const step of steps) {
    if (typeof at !== 'object' || at === null) return undefined;
    if ('key' in step) {
      if (Array.isArray(at) || !Object.hasOwn(at, step.key)) return undefined;
      at = new Map(Object.entries(at)).get(step.key);
    } else {
      if (!Array.isArray(at)) return undefined;
      const named = step.name === undefined ? undefined : itemsByName(at);
      at = step.name === undefined || named === undefined ? at[step.index] : named.get(step.name);
    }
  }
  return at;
}

function stepPath(path: string, step: Step): string {
  if (!('key' in step)) return itemPath(path, step.name ?? step.index, step.name !== undefined);
  const place = fieldPath(path, step.key);
  // An odd name of the object itself stands in brackets, like one below it.
  return place.startsWith('"') ? `[${place}]` : place;
}
