// node tools/lab/who/scenario.ts KUBECONFIG NATS-URL CHANGES DOWN-SECONDS, inside the lab's network: makes requests as
// different people, listens to what the agent publishes of them, and prints both as one line of JSON. For some seconds
// in the middle of the many changes the API server cannot reach the receiver at the address in FLEETGATE_LAB_RECEIVER.
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { KubeConfig } from '@kubernetes/client-node';
import { parseAttributionEvent } from '#libs/events/parse-attribution-event.ts';
import { parseChangeEvent } from '#libs/events/parse-change-event.ts';
import { attributionSubject, changeMessageId, changeSubject } from '#libs/events/subjects.ts';
import type { AttributionEvent } from '#libs/events/attribution-event.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { connectNats } from '#libs/runtime/nats/nats.ts';
import { makeDeletions, makeRaces, makeRefusals, makeSecretWrites, makeWrites } from './every-kind.ts';
import { merge, Requests } from './requests.ts';

const [kubeconfig = '', natsUrl = '', changes = '100', downSeconds = '0'] = process.argv.slice(2);
const receiver = process.env['FLEETGATE_LAB_RECEIVER'] ?? '';
const cluster = 'c0';
const quietMs = 20_000;
const people = ['alice', 'bob', 'carol'];
const gateway = {
  apiVersion: 'gateway.networking.k8s.io/v1',
  kind: 'Gateway',
  metadata: { name: 'web' },
  spec: {
    gatewayClassName: 'fleetgate',
    listeners: [{ name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'tls' }] } }],
  },
};

const config = new KubeConfig();
config.loadFromFile(kubeconfig);
const log = createLogger({ service: 'scenario', level: 'warn' });
const nats = await connectNats({ url: natsUrl, token: undefined, credentials: undefined, name: 'scenario', log });
const attributions = new Map<string, AttributionEvent>();
const seen = new Set<string>();
let lastMs = Date.now();
nats.subscribe(attributionSubject(cluster), (json) => {
  const parsed = parseAttributionEvent(json);
  if (!parsed.ok) throw new Error(`an attribution cannot be read: ${JSON.stringify(parsed.problems)}`);
  attributions.set(parsed.value.change, parsed.value);
  lastMs = Date.now();
});
nats.subscribe(changeSubject(cluster), (json) => {
  const parsed = parseChangeEvent(json);
  if (parsed.ok) seen.add(changeMessageId(parsed.value));
});
await nats.flush();

const requests = new Requests(config);
const namespace = { metadata: { name: 'who' } };
await requests.write('create', 'alice', { method: 'POST', path: '/api/v1/namespaces', body: namespace });
const gateways = '/apis/gateway.networking.k8s.io/v1/namespaces/who/gateways';
await requests.write('create', 'alice', { method: 'POST', path: gateways, body: gateway });
await makeWrites(requests);
const refused = await makeRefusals(requests);
await makeRaces(requests, 5);
await makeDeletions(requests);
await makeSecretWrites(requests);
await makeMany(Number(changes));
while (Date.now() - lastMs < quietMs) await sleep(500);
await requests.ask('carol', { method: 'DELETE', path: '/api/v1/namespaces/who' });
console.log(
  JSON.stringify({ cluster, done: requests.done, refused, seen: [...seen], attributions: [...attributions.values()] }),
);
await requests.close();
await nats.close();

/** Makes many changes of many routes by three people, a third each while the receiver is there, away and back. */
async function makeMany(count: number): Promise<void> {
  const routes = '/apis/gateway.networking.k8s.io/v1/namespaces/who/httproutes';
  const { kind, apiVersion } = { ...gateway, kind: 'HTTPRoute' };
  const rows = 20;
  for (let row = 0; row < rows; row++) {
    const body = { apiVersion, kind, metadata: { name: `many-${row}` }, spec: { hostnames: ['many.example.com'] } };
    await requests.write('create', people[row % 3] ?? '', { method: 'POST', path: routes, body });
  }
  const gapMs = Math.max(0, (Number(downSeconds) * 1000) / Math.max(1, count / 3) - 50);
  for (let turn = 0; turn < count; turn++) {
    const isAway = turn >= count / 3 && turn < (2 * count) / 3;
    if (turn === Math.ceil(count / 3)) reach('away');
    if (turn === Math.ceil((2 * count) / 3)) reach('back');
    const who = people[turn % 3] ?? '';
    const other = people[(turn + 1) % 3] ?? '';
    const at = { method: 'PATCH', path: `${routes}/many-${turn % rows}`, type: merge } as const;
    const body = { metadata: { labels: { turn: String(turn) } } };
    await requests.write(isAway ? 'many, receiver away' : 'many', who, { ...at, body });
    // Somebody else asks for what is so already.
    if (turn % 4 === 0) await requests.ask(other, { ...at, body });
    await sleep(gapMs);
  }
}

function reach(state: 'away' | 'back'): void {
  if (receiver === '' || Number(downSeconds) === 0) return;
  const act = state === 'away' ? 'add' : 'del';
  execFileSync('ip', ['rule', act, 'to', `${receiver}/32`, 'unreachable', 'prio', '10']);
}
