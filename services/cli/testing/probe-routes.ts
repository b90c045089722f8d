// For tests: edits routes, each in a file and with a hostname of its own. A route says in a header of its answers which
// edit it is at, so that what is served can be asked for, and what the history holds of it can be told.
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import type { z } from 'zod';
import { eventually } from '#libs/testing/eventually.ts';
import { endpoints } from '#libs/api/endpoints.ts';
import type { objectEvent } from '#libs/api/models/history.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import { type DemoFleet, until } from './demo-fleet.ts';
import { brokenHistory } from './ledger.ts';
import { anyMoment } from './parts.ts';
import { ask, type StorefrontNode } from './storefront-request.ts';

/** The assertion of tap that is needed. */
interface Assertions {
  same(actual: unknown, expected: unknown, message: string): unknown;
}

const header = 'x-edit';

export class ProbeRoutes {
  readonly #fleet: DemoFleet;
  readonly #names: readonly string[];
  #edit = 0;

  /** Writes the routes into cluster eu, for a fleet that is not started yet. */
  constructor(fleet: DemoFleet, count: number) {
    this.#fleet = fleet;
    this.#names = Array.from({ length: count }, (_, index) => `probe-${index}`);
    for (const name of this.#names) this.#write(name);
  }

  /** How often each route was edited. */
  get edits(): number {
    return this.#edit;
  }

  get names(): readonly string[] {
    return this.#names;
  }

  /** Edits every route once, in any order, over at least some hundred milliseconds. */
  async editAll(): Promise<void> {
    this.#edit++;
    for (const name of this.#names.toSorted(() => Math.random() - 0.5)) {
      this.#write(name);
      await anyMoment(30);
    }
  }

  /** Resolves when a node, unless given that of the fleet, serves the last edit of every route. */
  async served(node: StorefrontNode = this.#fleet): Promise<void> {
    await Promise.all(
      this.#names.map((name) =>
        until(
          () => askEdit(node, name),
          (edit) => edit === String(this.#edit),
        ),
      ),
    );
  }

  /** Resolves when the last edit of every route is in the history. */
  async recorded(client: FleetClient): Promise<void> {
    const isLast = (edits: readonly string[]): boolean => edits.at(-1) === String(this.#edit);
    await eventually(async () => [...(await this.histories(client)).values()].every(isLast), {
      timeoutMs: 60_000,
      everyMs: 200,
    });
  }

  /** Asserts that the history is whole: each route has an event for each edit, in order, and no other. */
  async isWhole(test: Assertions, client: FleetClient): Promise<void> {
    await this.recorded(client);
    const edits = Array.from({ length: this.#edit + 1 }, (_, edit) => String(edit));
    const wanted = new Map(this.#names.map((name) => [name, edits]));
    test.same(await this.histories(client), wanted, `${this.#names.length} routes, ${edits.length} events each`);
    test.same(await brokenHistory(this.#fleet), [], 'no gap, nothing twice');
  }

  /** Reads the edits of each route that the API says are in the history, in its order. */
  async histories(client: FleetClient): Promise<ReadonlyMap<string, readonly string[]>> {
    const entries = this.#names.map(async (name): Promise<[string, readonly string[]]> => {
      const params = { cluster: 'eu', kind: 'HTTPRoute', namespace: 'shop', name };
      const { items } = await client.call(endpoints.readObjectHistory, { params, query: { limit: '200' } });
      return [name, items.map(editOf).toReversed()];
    });
    return new Map(await Promise.all(entries));
  }

  #write(name: string): void {
    this.#fleet.edit(`eu/${name}.yaml`, () => manifest(name, String(this.#edit)));
  }
}

/** Writes routes that nobody edits into one file of cluster eu. */
export function addRoutes(fleet: DemoFleet, count: number): void {
  const manifests = Array.from({ length: count }, (_, index) => manifest(`bulk-${index}`, '0'));
  writeFileSync(join(fleet.folder, 'eu', 'bulk-routes.yaml'), manifests.join('---\n'));
}

/** Asks by which edit a node answers; gives what it answers instead where it is none. */
function askEdit(node: StorefrontNode, name: string): Promise<string> {
  return ask(node, `http://${name}.eu.storefront.example/`).then(
    ({ status, headers }) => (status === 200 ? String(headers[header]) : `status ${status}`),
    (error: unknown) => String(error),
  );
}

/** Reads which edit an event is of from what it says that it changed. */
function editOf({ type, changes }: z.output<typeof objectEvent>): string {
  const text = JSON.stringify(changes);
  return type === 'applied' ? (/"after":"(\d+)"|"value":"(\d+)"/u.exec(text)?.slice(1).join('') ?? text) : type;
}

function manifest(name: string, edit: string): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: shop }
spec:
  parentRefs: [{ name: shared, namespace: platform }]
  hostnames: [${name}.eu.storefront.example]
  rules:
    - filters:
        - type: ResponseHeaderModifier
          responseHeaderModifier: { set: [{ name: ${header}, value: '${edit}' }] }
      backendRefs: [{ name: cart, port: 80 }]
`;
}
