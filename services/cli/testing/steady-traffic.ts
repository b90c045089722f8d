// For tests: sends requests to the storefront without end and checks each answer. Half of them go on connections that
// are kept, half on new ones.
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from './demo-fleet.ts';
import { ask, type StorefrontNode } from './storefront-request.ts';

const clients = 4;
const betweenMs = 10;
const wrongMax = 20;

/** What is asked, and how the right answer's body begins. */
const requests = ['http', 'https'].flatMap((scheme) =>
  ['eu', 'us'].flatMap((cluster) => [
    { url: `${scheme}://shop.${cluster}.storefront.example/cart`, begins: `cart v1 in ${cluster}:` },
    { url: `${scheme}://shop.${cluster}.storefront.example/nothing`, begins: `not-found v1 in ${cluster}:` },
    { url: `${scheme}://pay.${cluster}.storefront.example/`, begins: 'payments' },
  ]),
);

interface SteadyTraffic {
  /** Requests that have got their answer, or none. */
  readonly count: number;
  /** The first answers that were not right, and requests without an answer. */
  readonly wrong: readonly string[];
  /** Resolves when so many more have been answered, right or wrong. */
  goesOn(requests: number): Promise<void>;
  stop(): Promise<void>;
}

/** Starts asking; ends with the test at the latest. */
export function startTraffic(test: { teardown(end: () => unknown): void }, node: StorefrontNode): SteadyTraffic {
  const wrong: string[] = [];
  let next = 0;
  let count = 0;
  let running = true;
  const client = async (isKept: boolean): Promise<void> => {
    const agents = { 'http:': new HttpAgent({ keepAlive: true }), 'https:': new HttpsAgent({ keepAlive: true }) };
    while (running) {
      const { url, begins } = requests[next++ % requests.length] ?? { url: '', begins: '' };
      const agent = url.startsWith('https:') ? agents['https:'] : agents['http:'];
      const answer = await ask(node, url, {}, isKept ? agent : false).then(
        ({ status, body }) => `${status} ${body}`,
        (error: unknown) => String(error),
      );
      const said = `${answer.trim()} from ${url} at ${new Date().toISOString()}`;
      count++;
      if (!answer.slice(4).startsWith(begins) && wrong.length < wrongMax) wrong.push(said);
      await pause(betweenMs);
    }
    for (const agent of Object.values(agents)) agent.destroy();
  };
  const done = Promise.all(Array.from({ length: clients }, (_, index) => client(index % 2 === 0)));
  const stop = async (): Promise<void> => {
    running = false;
    await done;
  };
  test.teardown(stop);
  return {
    get count() {
      return count;
    },
    wrong,
    async goesOn(more) {
      const enough = count + more;
      await until(
        () => count,
        (now) => now >= enough,
      );
    },
    stop,
  };
}
