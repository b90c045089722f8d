// Measures on a node with a real Envoy how long one changed route takes, at a number of routes on the gateway, each
// with a hostname of its own. Run: npx node services/proxy/testing/swap-latency.ts [routes…]
//
//   applied = from the hub's send to `applied` at the hub
//   answered = from the hub's send to the first answer by the new route
import type { Entry } from '#libs/snapshot/entry.ts';
import { quantile } from '#libs/testing/quantile.ts';
import { backend, endpoints, listener, route } from './content.ts';
import { prepareNode, runNode } from './node-driver.ts';
import { ask, startUpstream } from './traffic.ts';

const gateway = 'eu/default/web';
const rounds = 100;

for (const routes of process.argv.slice(2).map(Number)) await measure(routes);
process.exit(0);

async function measure(routes: number): Promise<void> {
  const teardowns: (() => unknown)[] = [];
  const upstreams = await Promise.all(['one', 'two'].map((name) => startUpstream(name)));
  const node = await prepareNode({ teardown: (fn) => void teardowns.unshift(fn) });
  const { hub, port } = node;
  const [one, two] = upstreams.map((upstream) => upstream.port);
  hub.discover({ ...endpoints('one', [one ?? 0]), ...endpoints('two', [two ?? 0]) });
  const entries: Record<string, Entry>[] = [listener(port), backend('one'), backend('two')];
  for (let i = 0; i < routes; i++) entries.push(route(`r${i}`, `r${i}.example.com`, 'one'));
  const startedAt = performance.now();
  const first = hub.publish(gateway, Object.assign({}, ...entries));
  await runNode({ teardown: (fn) => void teardowns.unshift(fn) }, node);
  await hub.answer(first);
  const fullMs = performance.now() - startedAt;

  const appliedMs: number[] = [];
  const answeredMs: number[] = [];
  for (let i = 0; i < rounds; i++) {
    const index = (i * 7) % routes;
    const host = `r${index}.example.com`;
    const service = i % 2 === 0 ? 'two' : 'one';
    if ((await ask(port, host)) === `200 ${service}`) continue;
    const sentAt = performance.now();
    const held = hub.publish(gateway, route(`r${index}`, host, service));
    const applied = hub.answer(held).then(() => appliedMs.push(performance.now() - sentAt));
    while ((await ask(port, host)) !== `200 ${service}`);
    answeredMs.push(performance.now() - sentAt);
    await applied;
  }
  const figures = `applied ${quantiles(appliedMs)}, answered ${quantiles(answeredMs)}`;
  process.stdout.write(`${routes} routes: whole snapshot and start of Envoy ${fullMs.toFixed(0)} ms; ${figures}\n`);
  for (const teardown of teardowns) await teardown();
  await Promise.all(upstreams.map((upstream) => upstream.stop()));
}

function quantiles(values: readonly number[]): string {
  const at = (share: number): string => quantile(values, share).toFixed(1);
  return `p50 ${at(0.5)} p99 ${at(0.99)} ms`;
}
