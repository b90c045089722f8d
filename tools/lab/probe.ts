// Measures one Gateway API implementation in the lab as its users see it, for any GatewayClass.
//   npm run lab -- probe CLUSTER CLASS [--routes 0,1000,3000] [--probes 50] [--changes 20] [--out FILE]
// propagation: ms from sending the create of one HTTPRoute to the first 200 through the gateway, with N routes already
// there
// change:      answers to constant traffic on one route while its backend weights change again and again
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Backends, get, ProbeCluster, quantiles } from './probe-client.ts';

const createWindow = 20;
const probeDeadlineMs = 60_000;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    routes: { type: 'string', default: '0,1000,3000' },
    probes: { type: 'string', default: '50' },
    changes: { type: 'string', default: '20' },
    out: { type: 'string' },
  },
});
const [kubeconfig, className] = positionals;
if (kubeconfig === undefined || className === undefined) throw new Error('usage: probe.ts KUBECONFIG CLASS [options]');

const cluster = new ProbeCluster(kubeconfig, className);
const address = await cluster.prepare();
await cluster.createRoute('warm-up');
await until200('warm-up.example.com', 120_000);
const steps = [];
let made = 0;
for (const target of values.routes.split(',').map(Number)) {
  const step = await measureAt(target);
  console.error(JSON.stringify(step));
  steps.push(step);
}
const answers = await answersDuringChanges(Number(values.changes));
await cluster.remove();
const machine = { cpu: cpus()[0]?.model, cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) };
const text = JSON.stringify(
  { class: className, machine, steps, change: { changes: Number(values.changes), answers } },
  null,
  1,
);
if (values.out !== undefined) writeFileSync(values.out, `${text}\n`);
console.log(text);
process.exit(0);

async function measureAt(routes: number): Promise<object> {
  const start = performance.now();
  while (made < routes) {
    const window = Math.min(createWindow, routes - made);
    await Promise.all(Array.from({ length: window }, () => cluster.createRoute(`bulk-${made++}`)));
  }
  const createdMs = Math.round(performance.now() - start);
  if (routes > 0) await until200(`bulk-${routes - 1}.example.com`, 600_000);
  const bulkServedMs = Math.round(performance.now() - start);
  const times: number[] = [];
  const errors: Record<string, number> = {};
  for (let i = 0; i < Number(values.probes); i++) times.push(await propagate(`probe-${routes}-${i}`, errors));
  return { routes, createdMs, bulkServedMs, propagationMs: quantiles(times), errors };
}

/** Creates a route and asks until it answers 200; any answer but 404 before that is an error. */
async function propagate(name: string, errors: Record<string, number>): Promise<number> {
  const start = performance.now();
  const creating = cluster.createRoute(name);
  for (;;) {
    const status = await get(address, `${name}.example.com`);
    if (status === 200) break;
    if (status !== 404) count(errors, String(status));
    if (performance.now() - start > probeDeadlineMs) {
      count(errors, 'never');
      break;
    }
    await sleep(1);
  }
  const took = performance.now() - start;
  await creating;
  return took;
}

async function answersDuringChanges(changes: number): Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  const state = { running: true };
  const load = Array.from({ length: 8 }, async () => {
    while (state.running) {
      count(answers, String(await get(address, 'warm-up.example.com')));
      await sleep(2);
    }
  });
  for (let i = 0; i < changes; i++) {
    const mixed: Backends = [
      ['echo-b', 3],
      ['echo-a', 1],
    ];
    await cluster.changeRoute('warm-up', i % 2 === 0 ? mixed : [['echo-a', 1]]);
    await sleep(400);
  }
  state.running = false;
  await Promise.all(load);
  return answers;
}

async function until200(host: string, deadlineMs: number): Promise<void> {
  const start = performance.now();
  while ((await get(address, host)) !== 200) {
    if (performance.now() - start > deadlineMs)
      throw new Error(`${host} did not answer 200 within ${deadlineMs / 1000} s`);
    await sleep(20);
  }
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}
