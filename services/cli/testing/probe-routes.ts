// For tests: routes that are edited, each in a file and with a hostname of its own. A route says in a header of its answers which edit it is
// at, so that what is served can be asked for, and what the history holds of it can be told.
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import type { z } from 'zod';
import { objectEvent, pageOf } from '../../control/api/models.ts';
import type { FleetClient } from '../fleet-client.ts';
import { type DemoFleet, until } from './demo-fleet.ts';
import { anyMoment } from './parts.ts';
import { ask } from './storefront-request.ts';

const header = 'x-edit';
const historyPage = pageOf(objectEvent);
export type ObjectEvent = z.output<typeof objectEvent>;

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

  /** Resolves when the last edit of every route is served. */
  async served(): Promise<void> {
    await Promise.all(
      this.#names.map((name) =>
        until(
          () => this.#ask(name),
          (edit) => edit === String(this.#edit),
        ),
      ),
    );
  }

  /** What the API says of the history of a route, the newest first. */
  async history(client: FleetClient, name: string): Promise<readonly ObjectEvent[]> {
    const { items } = await client.get(`/api/v1/objects/eu/HTTPRoute/shop/${name}/history?limit=200`, historyPage);
    return items;
  }

  #ask(name: string): Promise<string> {
    return ask(this.#fleet, `http://${name}.eu.storefront.example/`).then(
      ({ status, headers }) => (status === 200 ? String(headers[header]) : `status ${status}`),
      (error: unknown) => String(error),
    );
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
