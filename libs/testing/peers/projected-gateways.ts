// Goes from events to what Envoy gets, as projector, control and node do it, without anything between them.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { Projection } from '#libs/projection/projection.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { isSlice } from '#libs/testing/given/two-teams.ts';
import { XdsCompiler } from '#libs/xds/compiler.ts';

/** Serves these gateways (`cluster/namespace/name`) of a history; TLS material is the test's to set. */
export class ProjectedGateways {
  readonly compiler: XdsCompiler;
  readonly projection = new Projection();
  readonly #gateways: readonly string[];
  readonly #stored = new Map<string, string>();
  readonly #served = new Map<string, ReadonlyMap<string, string>>();

  constructor(gateways: readonly string[], portOffset: number) {
    this.#gateways = gateways;
    this.compiler = new XdsCompiler({ bindAddress: '127.0.0.1', portOffset });
  }

  apply(events: readonly ChangeEvent[]): void {
    const history = events.filter((event) => !isSlice(event)).map((event, index) => ({ seq: BigInt(index), event }));
    const batch = { events: history, slices: events.filter(isSlice), sealed: [] };
    const change = this.projection.apply(batch, () => {
      throw new Error('no rollback here');
    });
    for (const [hash, json] of change.entries) this.#stored.set(hash, json);
    for (const gateway of this.#gateways) this.#deliver(gateway);
    for (const { key, item } of change.discovery) {
      if (item === null) this.compiler.setDiscovery([], [key]);
      else if (item.kind !== 'tls') this.compiler.setDiscovery([{ key, item }], []);
    }
  }

  entriesOf(gateway: string): number {
    return this.#served.get(gateway)?.size ?? 0;
  }

  #deliver(gateway: string): void {
    const before = this.#served.get(gateway) ?? new Map<string, string>();
    const after = this.projection.content(gateway)?.entries ?? new Map<string, string>();
    const changed = [...after].filter(([key, hash]) => before.get(key) !== hash);
    const upserts = changed.map(([key, hash]): [string, Entry] => [key, parseEntry(this.#stored.get(hash))]);
    this.compiler.setSnapshot(
      gateway,
      upserts,
      [...before.keys()].filter((key) => !after.has(key)),
    );
    this.#served.set(gateway, new Map(after));
  }
}

function parseEntry(json: string | undefined): Entry {
  return JSON.parse(json ?? '');
}
