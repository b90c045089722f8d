// Holds the resources as of now and what changed since the last push. Equal content keeps its object.
import { compareKeys } from '#libs/gateway/compare-text.ts';
import {
  type ProtoValue,
  type XdsChange,
  type XdsResource,
  type XdsTables,
  type XdsType,
  xdsTypes,
} from '#libs/xds/envoy/resources.ts';

type Tables = Readonly<Record<XdsType, Map<string, XdsResource>>>;

export class ResourceTable {
  readonly #tables: Tables = {
    cluster: new Map(),
    endpoints: new Map(),
    listener: new Map(),
    scope: new Map(),
    secret: new Map(),
  };
  /** What was there when the last change was taken, of what was changed since. */
  readonly #before = new Map<XdsType, Map<string, XdsResource | undefined>>();

  /** Gives a live view. */
  get tables(): XdsTables {
    return this.#tables;
  }

  set(resource: XdsResource): void {
    const { type, name } = resource;
    const now = this.#tables[type].get(name);
    if (now !== undefined && sameValue(now.message, resource.message)) return;
    const before = this.#remember(type, name, now);
    this.#tables[type].set(
      name,
      before !== undefined && sameValue(before.message, resource.message) ? before : resource,
    );
  }

  delete(type: XdsType, name: string): void {
    const now = this.#tables[type].get(name);
    if (now === undefined) return;
    this.#remember(type, name, now);
    this.#tables[type].delete(name);
  }

  /** Gives the change since the last call, in push order and by name. */
  takeChange(): XdsChange {
    const upserts = xdsTypes.flatMap(({ type }) =>
      this.#changed(type).flatMap(([name, before]) => {
        const now = this.#tables[type].get(name);
        return now === undefined || now === before ? [] : [now];
      }),
    );
    const removes = xdsTypes
      .toReversed()
      .flatMap(({ type }) =>
        this.#changed(type).flatMap(([name, before]) =>
          before === undefined || this.#tables[type].has(name) ? [] : [{ type, name }],
        ),
      );
    this.#before.clear();
    return { upserts, removes };
  }

  #changed(type: XdsType): readonly (readonly [name: string, before: XdsResource | undefined])[] {
    return [...(this.#before.get(type) ?? [])].toSorted(compareKeys);
  }

  #remember(type: XdsType, name: string, now: XdsResource | undefined): XdsResource | undefined {
    const names = this.#before.get(type) ?? new Map<string, XdsResource | undefined>();
    this.#before.set(type, names);
    if (!names.has(name)) names.set(name, now);
    return names.get(name);
  }
}

/** Tells whether two JSON values are equal; fields in any order, undefined = absent. */
function sameValue(a: ProtoValue | undefined, b: ProtoValue | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (isArray(a) || isArray(b)) {
    return isArray(a) && isArray(b) && a.length === b.length && a.every((item, index) => sameValue(item, b[index]));
  }
  const [x, y] = [a, b];
  const names = Object.keys(x);
  return (
    names.every((name) => sameValue(x[name], y[name])) &&
    Object.keys(y).every((name) => y[name] === undefined || x[name] !== undefined)
  );
}

function isArray(value: ProtoValue): value is readonly ProtoValue[] {
  return Array.isArray(value);
}
