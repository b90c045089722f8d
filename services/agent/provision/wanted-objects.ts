// Keeps which objects the data planes that are wanted consist of, and says after each plan what is new among them.
import { sha256 } from '#libs/gateway/canonical.ts';
import { parseLocalKey, toLocalKey, toNamespacedKey } from '#libs/gateway/object-key.ts';
import type { DataPlane } from './data-plane.ts';
import { type OwnedObject, type ProvisionSettings, buildObjects } from './objects.ts';

/** Holds one object as it should be. */
export interface WantedObject {
  readonly object: OwnedObject;
  /** Of the object. */
  readonly hash: string;
}

/** Keys of objects, `kind/namespace/name`. */
interface PlanChanges {
  /** Objects that are wanted and were not, or otherwise. */
  readonly wanted: readonly string[];
  /** Objects that were wanted and are not. */
  readonly unwanted: readonly string[];
}

/** Knows the objects that are wanted, plan after plan. */
export class WantedObjects {
  readonly #settings: ProvisionSettings;
  /** By namespace/name of a data plane: what its objects were made from, and their keys. */
  readonly #planes = new Map<string, { readonly text: string; readonly keys: readonly string[] }>();
  readonly #wanted = new Map<string, WantedObject>();
  /** Data planes that stay as they are, by namespace/name. */
  #kept: ReadonlySet<string> = new Set();

  constructor(settings: ProvisionSettings) {
    this.#settings = settings;
  }

  get(key: string): WantedObject | undefined {
    return this.#wanted.get(key);
  }

  /** Tells whether the object belongs to a data plane of which it is not known what it should be like. */
  isKept(key: string): boolean {
    return this.#kept.has(toNamespacedKey(parseLocalKey(key)));
  }

  /** Takes these data planes for all that are wanted. */
  plan(planes: readonly DataPlane[]): PlanChanges {
    const present = new Set(planes.map(toNamespacedKey));
    const gone = [...this.#planes].filter(([plane]) => !present.has(plane));
    for (const [plane, { keys }] of gone) {
      this.#planes.delete(plane);
      this.#drop(keys);
    }
    // Without ports it is not known what a data plane should be like: what there is stays.
    this.#kept = new Set(planes.filter(({ wish }) => wish.ports.length === 0).map(toNamespacedKey));
    const changes = planes.filter(({ wish }) => wish.ports.length > 0).map((plane) => this.#planOne(plane));
    return {
      wanted: changes.flatMap(({ wanted }) => wanted),
      unwanted: [...gone.flatMap(([, { keys }]) => keys), ...changes.flatMap(({ unwanted }) => unwanted)],
    };
  }

  #planOne(plane: DataPlane): PlanChanges {
    const name = toNamespacedKey(plane);
    const text = JSON.stringify(plane);
    const before = this.#planes.get(name);
    if (before?.text === text) return { wanted: [], unwanted: [] };
    const objects = new Map(
      buildObjects(plane, this.#settings).map((object) => [
        toLocalKey({ kind: object.kind, ...object.metadata }),
        object,
      ]),
    );
    const unwanted = before?.keys.filter((key) => !objects.has(key)) ?? [];
    this.#drop(unwanted);
    for (const [key, object] of objects) this.#wanted.set(key, { object, hash: sha256(JSON.stringify(object)) });
    const keys = [...objects.keys()];
    this.#planes.set(name, { text, keys });
    return { wanted: keys, unwanted };
  }

  #drop(keys: readonly string[]): void {
    for (const key of keys) this.#wanted.delete(key);
  }
}
