// Measures with a real Envoy what it costs to ask for consent, and what it costs those who do not ask: the same routes
// without and with it, side by side in one run. Prints one line for each case; the ratios are what counts.
//
//   npx node loadtest/external-auth-bench.ts [routes] [requests]
//
//   spread     each route has a hostname, and so a table of its own
//   together   all routes are rules of one hostname, and so of one table
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { backendEntry, listenerEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { startHttpAuth } from '#libs/testing/peers/auth-service.ts';
import { freePort, startBackend } from '#libs/testing/peers/http-peers.ts';
import type { Teardown } from '#libs/testing/peers/throwaway.ts';
import { throwawayEnvoy } from '#libs/testing/peers/throwaway-envoy.ts';
import type { Entry, ExternalAuth, ListenerEntry } from '#libs/snapshot/entry.ts';
import { XdsCompiler } from '#libs/xds/compiler.ts';
import type { ProtoMessage, ProtoValue, XdsChange } from '#libs/xds/envoy/resources.ts';

const size = Number(process.argv[2] ?? 10_000);
const changes = 20;
const requests = Number(process.argv[3] ?? 20_000);
const clients = 32;
const teardowns: (() => unknown)[] = [];
const test: Teardown = { teardown: (done) => teardowns.push(done) };
const gateway = 'eu/infra/gateway';

const listed = { allowedResponseHeaders: ['x-user'] };
const cases = [
  { name: 'no places, no consent', places: false },
  { name: 'no consent', places: true },
  { name: 'consent, all headers copied', places: true, auth: {} },
  { name: 'consent, headers listed', places: true, auth: listed },
] as const;

const web = await startBackend(test, 'web');
const service = await startHttpAuth(test, () => ({ status: 200, headers: { 'x-user': 'ada' } }));
for (const layout of ['spread', 'together'] as const) for (const one of cases) await measure(layout, one);
for (const one of [cases[1], cases[3]] as const) await measure('spread', one, 'listener');
for (const done of teardowns.toReversed()) await done();

type Layout = 'spread' | 'together';
interface Case {
  readonly name: string;
  /** Whether connection managers have the places for filters that travel with routes. */
  readonly places: boolean;
  readonly auth?: Partial<ExternalAuth>;
}

async function measure(layout: Layout, one: Case, by: 'rules' | 'listener' = 'rules'): Promise<void> {
  const own: (() => unknown)[] = [];
  const envoy = await throwawayEnvoy({ teardown: (done) => own.push(done) });
  const port = await freePort();
  const compiler = new XdsCompiler({ bindAddress: '127.0.0.1', portOffset: 0 });
  for (const [name, to] of [
    ['web', web.port],
    ['auth', service.port],
  ] as const) {
    const [, { endpoints: key }] = backendEntry(name);
    const endpoints = [{ address: '127.0.0.1', port: to }];
    compiler.setDiscovery([{ key, item: { kind: 'endpoints', endpoints } }], []);
  }
  const auths = one.auth === undefined ? [] : [consent(one.auth)];
  const filters: Partial<ListenerEntry> = by === 'listener' && auths.length > 0 ? { filters: auths } : {};
  const rule = (index: number, round: number): readonly [string, Entry] =>
    ruleEntry({
      name: `r${index}`,
      hosts: [layout === 'spread' ? `h${index}.example.com` : 'all.example.com'],
      matches: [layout === 'spread' ? '/' : `/r${index}`],
      filters: [
        ...(by === 'rules' ? auths : []),
        { type: 'request-headers', set: [{ name: 'x-round', value: `${round}` }], add: [], remove: [] },
      ],
    });
  const entries = [listenerEntry({ port, ...filters }), backendEntry('web'), backendEntry('auth')];
  compiler.setSnapshot(gateway, [...entries, ...Array.from({ length: size }, (_, index) => rule(index, 0))], []);
  const push = async (): Promise<void> => {
    const change = compiler.flush();
    const refused = await envoy.push(one.places ? change : withoutPlaces(change));
    if (refused.length > 0) throw new Error(refused.join('; '));
  };
  await push();
  const memory = residentMb(envoy.pid);
  const before = cpuMs(envoy.pid);
  for (let round = 1; round <= changes; round++) {
    compiler.setSnapshot(gateway, [rule(7, round)], []);
    await push();
  }
  const perChange = (cpuMs(envoy.pid) - before) / changes;
  const asked = (index: number) => ({
    host: layout === 'spread' ? `h${index % size}.example.com` : 'all.example.com',
    path: layout === 'spread' ? '/' : `/r${index % size}`,
  });
  await load(port, requests / 10, asked);
  const atRest = cpuMs(envoy.pid);
  const startedAt = performance.now();
  await load(port, requests, asked);
  const perSecond = requests / ((performance.now() - startedAt) / 1000);
  const perRequest = ((cpuMs(envoy.pid) - atRest) * 1000) / requests;
  for (const done of own) await done();
  const what = `${layout.padEnd(9)} ${(by === 'listener' ? `${one.name}, listener` : one.name).padEnd(38)}`;
  const cost = `${memory.toFixed(0).padStart(5)} MiB  ${perChange.toFixed(1).padStart(7)} ms per change`;
  const rate = `${perRequest.toFixed(0).padStart(4)} µs per request  ${perSecond.toFixed(0).padStart(6)} requests/s`;
  process.stdout.write(`${what} ${cost}  ${rate}\n`);
}

function consent(more: Partial<ExternalAuth>): ExternalAuth {
  const backend = { key: backendEntry('auth')[0] };
  return { type: 'external-auth', protocol: 'http', backend, allowedHeaders: [], bodyMax: 0, ...more };
}

/** Takes the places out of listeners, as they were before there were any. */
function withoutPlaces({ upserts, removes }: XdsChange): XdsChange {
  const all = upserts.map((one) => (one.type === 'listener' ? { ...one, message: stripped(one.message) } : one));
  return { upserts: all, removes };
}

function stripped(message: ProtoMessage): ProtoMessage {
  return Object.fromEntries(Object.entries(message).map(([name, value]) => [name, value && strippedValue(value)]));
}

function strippedValue(value: ProtoValue): ProtoValue {
  if (isList(value)) return value.filter((item) => !isPlace(item)).map(strippedValue);
  return typeof value === 'object' && value !== null ? stripped(value) : value;
}

function isList(value: ProtoValue): value is readonly ProtoValue[] {
  return Array.isArray(value);
}

function isPlace(value: ProtoValue): boolean {
  return /^{"name":"fleetgate\.(before|after)-routing/.test(JSON.stringify(value));
}

/** Asks one request after another over each connection; every answer must be 200. */
async function load(port: number, count: number, asked: (index: number) => { host: string; path: string }) {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < count) {
      const { host, path } = asked((next += 1));
      const status = await new Promise<number>((resolve, reject) => {
        request({ host: '127.0.0.1', port, path, agent, headers: { host } }, (response) => {
          response.resume().on('end', () => resolve(response.statusCode ?? 0));
        })
          .on('error', reject)
          .end();
      });
      if (status !== 200) throw new Error(`answered ${status}`);
    }
  };
  await Promise.all(Array.from({ length: clients }, work));
  agent.destroy();
}

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

/** User and system time so far; the kernel counts in hundredths of a second. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ');
  return (Number(fields[13]) + Number(fields[14])) * 10;
}
