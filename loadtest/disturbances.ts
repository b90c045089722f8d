// What happens to the fleet while traffic flows: edits of a route, a rollback that holds against edits, a release, and kills of every process
// that a request does not pass through. The edited rule is the catalog's: it changes between two backends, both of them right answers.
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Fleet } from './fleet.ts';

const gateway = 'eu/platform/shared';
const file = 'eu/shop-routes.yaml';
const snapshots = z.array(z.object({ version: z.number() }));

export class Disturbances {
  readonly log: string[] = [];
  readonly problems: string[] = [];
  readonly #fleet: Fleet;
  readonly #start = performance.now();

  constructor(fleet: Fleet) {
    this.#fleet = fleet;
  }

  /** Goes through the list again and again until the time is over; always ends released. */
  async run(seconds: number): Promise<void> {
    const deadline = this.#start + (seconds - 5) * 1000;
    await sleep(1000);
    while (performance.now() < deadline) {
      for (const step of [() => this.#edits(), () => this.#rollbackAndRelease(), ...this.#kills()]) {
        if (performance.now() >= deadline) break;
        await step();
        await sleep(500);
      }
    }
    await this.#do('release at the end', () => this.#fleet.cli('release', gateway).catch(() => ''));
  }

  async #edits(): Promise<void> {
    for (let i = 0; i < 5; i++) {
      await this.#do('edit of the catalog rule', async () => this.#edit());
      await sleep(300);
    }
  }

  async #rollbackAndRelease(): Promise<void> {
    await this.#do('rollback', async () => {
      const listed = snapshots.parse(JSON.parse(await this.#fleet.cli('snapshots', gateway, '--output', 'json')));
      const newest = Math.max(...listed.map(({ version }) => version));
      return this.#fleet.cli('rollback', gateway, '--to', String(newest - 1));
    });
    await this.#do('edit under the pin', async () => this.#edit());
    await sleep(500);
    await this.#do('release', () => this.#fleet.cli('release', gateway));
  }

  #kills(): (() => Promise<void>)[] {
    return this.#fleet
      .parts()
      .filter((part) => /^(agent|projector|control|proxy|node)/u.test(part))
      .map((part) => async () => {
        await this.#do(`kill -9 of ${part}`, () => this.#fleet.kill(part));
        await this.#do('edit after the kill', async () => this.#edit());
        await sleep(2000);
      });
  }

  #edit(): void {
    this.#fleet.edit(file, (text) =>
      text.replace(
        /(value: \/catalog[\s\S]*?backendRefs:\s+- name: )(catalog|cart)/u,
        (_, before: string, name: string) => `${before}${name === 'catalog' ? 'cart' : 'catalog'}`,
      ),
    );
  }

  async #do(what: string, step: () => Promise<unknown>): Promise<void> {
    const at = ((performance.now() - this.#start) / 1000).toFixed(1);
    try {
      const said = await step();
      const line = typeof said === 'string' ? (said.trim().split('\n')[0] ?? '') : '';
      this.log.push(`${at} s ${what}${line === '' ? '' : `: ${line}`}`);
    } catch (error) {
      this.problems.push(`${at} s ${what}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}
