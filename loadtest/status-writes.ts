// Measures how often statuses are written, as the API server of a real cluster counts it: routes that attach to one
// Gateway are created as fast as the cluster takes them, wait, are deleted. Needs the lab (tools/lab).
//
//   npx node loadtest/status-writes.ts [--routes 1000] [--out FILE]
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { pause } from '#libs/runtime/pause.ts';
import { LabClient, until } from '../tools/lab/lab-client.ts';
import { labPaths } from '../tools/lab/paths.ts';

const { values } = parseArgs({
  options: {
    routes: { type: 'string', default: '1000' },
    out: { type: 'string' },
  },
});
const cluster = 'c0';
const total = Number(values.routes);
const clients = 4;
const deadlineMs = 300_000;
const gatewayObject = z.object({
  status: z.object({
    listeners: z.array(z.object({ attachedRoutes: z.number() })),
    conditions: z.array(z.object({ type: z.string(), status: z.string() })),
  }),
});

const gatewayManifest = `
apiVersion: v1
kind: Namespace
metadata: { name: bench }
---
apiVersion: v1
kind: Service
metadata: { name: backend, namespace: bench }
spec: { ports: [{ port: 80 }] }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: bench, namespace: bench }
spec:
  gatewayClassName: fleetgate
  listeners: [{ name: http, port: 80, protocol: HTTP }]
`;

type Writes = Readonly<Record<string, number>>;

interface Phase {
  readonly phase: string;
  /** From the first request to the Gateway's right count. */
  readonly tookMs: number;
  readonly writes: Writes;
}

const lab = new LabClient(labPaths());
try {
  await lab.up(1);
  const phases = await measure();
  for (const { phase, tookMs, writes } of phases) console.log(`${phase}: ${tookMs} ms, ${JSON.stringify(writes)}`);
  if (values.out !== undefined) record(values.out, phases);
} finally {
  await lab.down();
}

async function measure(): Promise<readonly Phase[]> {
  const fleet = await lab.startFleet();
  const where = ['--kubeconfig', lab.kubeconfig(cluster), '--context', cluster, '--cluster', cluster];
  const what = ['--image', 'fleetgate', '--nats-url', fleet.natsUrl, '--node-public-key', fleet.nodePublicKey];
  await lab.fleetgate(['agent', 'install', ...where, ...what], {});
  await lab.kubectl(cluster, ['apply', '-f', '-'], gatewayManifest);
  await until('the Gateway is programmed', async () => {
    const { conditions } = (await readGateway())?.status ?? { conditions: [] };
    return conditions.some(({ type, status }) => type === 'Programmed' && status === 'True') ? true : undefined;
  });
  const names = Array.from({ length: total }, (_, index) => `route-${index}`);
  const manifests = Array.from({ length: clients }, (_, client) =>
    names
      .filter((__, index) => index % clients === client)
      .map(route)
      .join('---\n'),
  );
  return [
    await phase(`${total} routes created`, total, () => kubectlEach(['create', '-f', '-'], manifests)),
    await phase(`${total} routes deleted`, 0, () => kubectlEach(['delete', '--wait=false', '-f', '-'], manifests)),
  ];
}

async function phase(name: string, attached: number, act: () => Promise<unknown>): Promise<Phase> {
  const before = await statusWrites();
  const started = performance.now();
  await act();
  await until(
    `${attached} attached routes`,
    async () => ((await readGateway())?.status.listeners[0]?.attachedRoutes === attached ? true : undefined),
    deadlineMs,
  );
  const tookMs = Math.round(performance.now() - started);
  const after = await settledWrites();
  const writes = Object.entries(after).map(([kind, count]): [string, number] => [kind, count - (before[kind] ?? 0)]);
  return { phase: name, tookMs, writes: Object.fromEntries(writes.filter(([, count]) => count > 0)) };
}

/** Asks until two answers in a row are the same, so that what is on its way counts too. */
async function settledWrites(): Promise<Writes> {
  let last = '';
  return until('the writes come to an end', async () => {
    const writes = await statusWrites();
    const same = JSON.stringify(writes) === last;
    last = JSON.stringify(writes);
    if (same) return writes;
    await pause(3000);
    return undefined;
  });
}

/** Counts the requests that wrote a status of the Gateway API, by resource and answer. */
async function statusWrites(): Promise<Writes> {
  const text = await lab.kubectl(cluster, ['get', '--raw', '/metrics']);
  const writes: Record<string, number> = {};
  for (const [, labels = '', count] of text.matchAll(/^apiserver_request_total\{([^}]*)\} (\d+)/gmu)) {
    const { code, group, resource, subresource, verb } = Object.fromEntries(
      [...labels.matchAll(/(\w+)="([^"]*)"/gu)].map(([, name = '', value = '']): [string, string] => [name, value]),
    );
    if (group !== 'gateway.networking.k8s.io' || subresource !== 'status') continue;
    if (verb !== 'PATCH' && verb !== 'PUT' && verb !== 'APPLY') continue;
    const kind = `${resource} ${code}`;
    writes[kind] = (writes[kind] ?? 0) + Number(count);
  }
  return writes;
}

async function readGateway(): Promise<z.output<typeof gatewayObject> | undefined> {
  const text = await lab.kubectl(cluster, ['get', 'gateway', 'bench', '-n', 'bench', '-o', 'json']);
  return gatewayObject.safeParse(JSON.parse(text)).data;
}

function kubectlEach(args: readonly string[], manifests: readonly string[]): Promise<unknown> {
  return Promise.all(manifests.map((manifest) => lab.kubectl(cluster, args, manifest)));
}

function record(file: string, phases: readonly Phase[]): void {
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, memory: totalmem() };
  writeFileSync(file, `${JSON.stringify({ routes: total, machine, phases }, null, 2)}\n`);
}

function route(name: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: bench }
spec:
  parentRefs: [{ name: bench }]
  hostnames: [${name}.example.com]
  rules: [{ backendRefs: [{ name: backend, port: 80 }] }]
`;
}
