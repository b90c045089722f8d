// Disturbs the fleet while traffic flows: edits of a route, a rollback that holds against edits, a release, and kills
// of every process that a request does not pass through. The edited rule is the catalog's: it changes between two
// backends, both of them right answers.
import { z } from 'zod';
import { messageOf } from '#libs/runtime/errors.ts';
import { pause } from '#libs/runtime/pause.ts';
import type { DemoFleet } from '../services/cli/testing/demo-fleet.ts';
import { kill } from '../services/cli/testing/parts.ts';

const gateway = 'eu/platform/shared';
const file = 'eu/shop-routes.yaml';
const snapshots = z.array(z.object({ version: z.number() }));

export class Disturbances {
  readonly log: string[] = [];
  readonly problems: string[] = [];
  readonly #fleet: DemoFleet;
  readonly #start = performance.now();

  constructor(fleet: DemoFleet) {
    this.#fleet = fleet;
  }

  /** Goes through the list again and again until the time is over; always ends released. */
  async run(seconds: number): Promise<void> {
    const deadline = this.#start + (seconds - 5) * 1000;
    await pause(1000);
    while (performance.now() < deadline) {
      for (const step of [() => this.#edits(), () => this.#rollbackAndRelease(), ...(await this.#kills())]) {
        if (performance.now() >= deadline) break;
        await step();
        await pause(500);
      }
    }
    await this.#do('release at the end', () => this.#cli('release', gateway).catch(() => ''));
  }

  async #edits(): Promise<void> {
    for (let i = 0; i < 5; i++) {
      await this.#do('edit of the catalog rule', async () => this.#edit());
      await pause(300);
    }
  }

  async #rollbackAndRelease(): Promise<void> {
    await this.#do('rollback', async () => {
      const listed = snapshots.parse(JSON.parse(await this.#cli('snapshots', gateway, '--output', 'json')));
      const newest = Math.max(...listed.map(({ version }) => version));
      return this.#cli('rollback', gateway, '--to', String(newest - 1));
    });
    await this.#do('edit under the pin', async () => this.#edit());
    await pause(500);
    await this.#do('release', () => this.#cli('release', gateway));
  }

  async #kills(): Promise<readonly (() => Promise<void>)[]> {
    return [...(await this.#fleet.processes()).keys()]
      .filter((part) => /^(agent|projector|control|proxy|node)/u.test(part))
      .map((part) => async () => {
        await this.#do(`kill -9 of ${part}`, async () => (await kill(this.#fleet, part))());
        await this.#do('edit after the kill', async () => this.#edit());
        await pause(2000);
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

  /** Runs one CLI command; resolves to its standard output, throws with its standard error. */
  async #cli(...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.#fleet.cli(...words);
    if (code !== 0) throw new Error(`fleetgate ${words.join(' ')}: ${stderr.trim() || stdout.trim() || code}`);
    return stdout;
  }

  async #do(what: string, step: () => Promise<unknown>): Promise<void> {
    const at = ((performance.now() - this.#start) / 1000).toFixed(1);
    try {
      const said = await step();
      const line = typeof said === 'string' ? (said.trim().split('\n')[0] ?? '') : '';
      this.log.push(`${at} s ${what}${line === '' ? '' : `: ${line}`}`);
    } catch (error) {
      this.problems.push(`${at} s ${what}: ${messageOf(error)}`);
    }
  }
}
