// Keeps from which numbers on the versions of gateways go on. Without a restore that is the one after the newest. A
// restore passes over the numbers that were given after the backup: what nodes have seen never means another content.
import type { RestoreEvent } from '#libs/events/restore-event.ts';

export interface SavedNumbering {
  /** Numbers that gateways pass over which were not known at the restores. */
  readonly skipped: number;
  /** By gateway: its next version is above it. */
  readonly floors: ReadonlyMap<string, number>;
}

export const noRestores: SavedNumbering = { skipped: 0, floors: new Map() };

export class Numbering {
  #skipped = 0;
  readonly #floors = new Map<string, number>();

  /** Counts all numbers that were passed over so far, for gateways that are not known yet. */
  get skipped(): number {
    return this.#skipped;
  }

  /** Takes over what is saved. */
  load({ skipped, floors }: SavedNumbering): void {
    this.#skipped = skipped;
    for (const [gateway, floor] of floors) this.#floors.set(gateway, floor);
  }

  /** Gives what `load` takes. */
  saved(): SavedNumbering {
    return { skipped: this.#skipped, floors: this.#floors };
  }

  /** Gives the number that the next version of a gateway is above; `head` = its newest, 0 = none. */
  floor(gateway: string, head: number): number {
    return Math.max(head, this.#floors.get(gateway) ?? this.#skipped);
  }

  /** Passes over what a restore says; `heads` = the newest version of each known gateway. */
  restored({ skip, above }: RestoreEvent, heads: Iterable<readonly [gateway: string, head: number]>): void {
    const floors = new Map<string, number>();
    for (const [gateway, head] of heads) floors.set(gateway, this.floor(gateway, head));
    for (const gateway of [...this.#floors.keys(), ...Object.keys(above)])
      if (!floors.has(gateway)) floors.set(gateway, this.floor(gateway, 0));
    for (const [gateway, floor] of floors) this.#floors.set(gateway, Math.max(floor + skip, above[gateway] ?? 0));
    this.#skipped += skip;
  }
}

/** Works out what a fold of the restores would have kept; `heads` gives the newest version and its event by gateway. */
export function savedNumbering(
  restores: readonly { readonly seq: bigint; readonly event: RestoreEvent }[],
  heads: ReadonlyMap<string, { readonly head: number; readonly seq: bigint }>,
): SavedNumbering {
  const numbering = new Numbering();
  for (const { seq, event } of restores) {
    // What was made after a restore is above its numbers anyway; what was there before counts as it is now.
    const before = [...heads].flatMap(([gateway, one]) => (one.seq < seq ? [[gateway, one.head] as const] : []));
    numbering.restored(event, before);
  }
  return numbering.saved();
}
