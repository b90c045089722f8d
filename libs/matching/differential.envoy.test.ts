// The matcher against Envoy: random route sets, compiled by libs/xds into a real Envoy, and random requests. Both must
// say the same: status, rule, backend, what the backend sees, Location, headers of the answer. FLEETGATE_SEED repeats a
// run.
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import t from 'tap';
import { messageOf } from '#libs/runtime/errors.ts';
import { freePort, startBackend } from '#libs/testing/peers/http-peers.ts';
import { mirrorService } from '#libs/testing/given/random-actions.ts';
import { nearRequest, requestChoice } from '#libs/testing/given/near-requests.ts';
import { askAllHttp2 } from '#libs/testing/peers/http2-connections.ts';
import { askAll, type KeptAnswer } from '#libs/testing/peers/kept-connections.ts';
import { certificateKey, gatewayNames, routeSets, type RouteSet, services } from '#libs/testing/given/route-sets.ts';
import { throwawayEnvoy } from '#libs/testing/peers/throwaway-envoy.ts';
import { XdsCompiler } from '#libs/xds/compiler.ts';
import { differenceOf, expectedAnswer } from '#libs/testing/peers/expected-answer.ts';
import { compileMatcher } from './matcher.ts';
import type { HttpRequest } from './request.ts';
import type { Verdict } from './verdict.ts';

const sets = Number(process.env['FLEETGATE_SETS'] ?? 60);
const requestsPerSet = 350;
const seed = Number(process.env['FLEETGATE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const file = (name: string): string => readFileSync(new URL(`../xds/testdata/tls/${name}`, import.meta.url), 'utf8');

const ports = { plain: [await freePort(), await freePort()], secure: await freePort() };
const envoy = await throwawayEnvoy(t);
const compiler = new XdsCompiler({ bindAddress: '127.0.0.1', portOffset: 0 });
compiler.setDiscovery(
  [{ key: certificateKey, item: { kind: 'tls', certificate: file('exact.crt'), key: file('exact.key') } }],
  [],
);
const backends = new Map(
  await Promise.all(
    [...services, mirrorService].map(async (name) => {
      const backend = await startBackend(t, name, { protocol: name === 'grpc' ? 'http2' : 'http1' });
      const endpoints = [{ address: '127.0.0.1', port: backend.port }];
      const key = `endpoints/eu/shop/${name}/80`;
      compiler.setDiscovery([{ key, item: { kind: 'endpoints', endpoints } }], []);
      return [name, backend] as const;
    }),
  ),
);

let served: ReadonlyMap<string, readonly string[]> = new Map();

async function serve({ gateways }: RouteSet): Promise<void> {
  const now = new Map(gateways.map(({ gateway, entries }) => [gateway, entries]));
  for (const gateway of gatewayNames) {
    const entries = now.get(gateway) ?? new Map();
    const gone = (served.get(gateway) ?? []).filter((key) => !entries.has(key));
    compiler.setSnapshot(gateway, entries, gone);
  }
  served = new Map([...now].map(([gateway, entries]) => [gateway, [...entries.keys()]]));
  const refused = await envoy.push(compiler.flush());
  if (refused.length > 0) throw new Error(`Envoy refuses: ${refused.join('; ')}`);
}

/** By connection: answers in the order of the requests. */
async function askEnvoy(requests: readonly HttpRequest[]): Promise<readonly (KeptAnswer | 'closed' | 'reset')[]> {
  const answers = new Map<HttpRequest, KeptAnswer | 'closed' | 'reset'>();
  const groups = Map.groupBy(
    requests,
    ({ port, tls, version }) => `${version} ${port} ${tls === undefined ? '-' : (tls.serverName ?? '')}`,
  );
  await Promise.all(
    [...groups.values()].map(async (group) => {
      const [first] = group;
      if (first === undefined) return;
      const { port, tls, version } = first;
      const ask = version === '2' ? askAllHttp2 : askAll;
      const target = tls === undefined ? { port } : { port, serverName: tls.serverName ?? '' };
      for (const [index, answer] of (await ask(target, group)).entries()) {
        const request = group[index];
        if (request !== undefined) answers.set(request, answer);
      }
    }),
  );
  return requests.map((request) => answers.get(request) ?? 'closed');
}

await t.test(`${sets} route sets, ${requestsPerSet} requests each, seed ${seed}`, async (t) => {
  let asked = 0;
  let number = 0;
  const kinds = new Map<string, number>();
  const property = fc.asyncProperty(
    routeSets(ports),
    fc.array(requestChoice, { minLength: requestsPerSet, maxLength: requestsPerSet }),
    async (set, choices) => {
      await serve(set);
      const matcher = compileMatcher(set.gateways);
      const requests = choices.map((choice): HttpRequest => {
        const request = nearRequest(set, choice);
        return { ...request, headers: [...request.headers, ['x-n', String((number += 1))]] };
      });
      const answers = await askEnvoy(requests);
      for (const [index, request] of requests.entries()) {
        const verdict = matcher.match(request);
        const expected = expectedAnswer(verdict, request);
        kinds.set(expected.kind, (kinds.get(expected.kind) ?? 0) + 1);
        const found = differenceOf(expected, answers[index] ?? 'closed');
        if (found !== undefined)
          throw new Error(`${JSON.stringify(request)}\n${found}\n${describe(set, request.port, verdict)}`);
      }
      asked += requests.length;
    },
  );
  const result = await fc.check(property, {
    numRuns: sets,
    seed,
    endOnFailure: process.env['FLEETGATE_SHRINK'] === undefined,
    interruptAfterTimeLimit: 300_000,
  });
  t.equal(result.failed, false, `seed ${result.seed}: ${messageOf(result.errorInstance)}`);
  t.comment(`${asked} requests: ${[...kinds].map(([kind, count]) => `${count} ${kind}`).join(', ')}`);
  t.ok(backends.size > 0);
});

/** What the request could meet. */
function describe({ gateways }: RouteSet, port: number, verdict: Verdict): string {
  const own = verdict.type === 'rule' ? [JSON.stringify(verdict.rule.entry, null, 1)] : [];
  const lines = gateways.flatMap(({ gateway, entries }) => {
    const names = [...entries.values()].flatMap((entry) =>
      entry.kind === 'listener' && entry.port === port ? [entry.name] : [],
    );
    return [...entries].flatMap(([key, entry]) =>
      (entry.kind === 'listener' && entry.port === port) ||
      (entry.kind === 'http-rule' && entry.hosts.some(({ listener }) => names.includes(listener)))
        ? [`${gateway} ${key} ${JSON.stringify(entry)}`]
        : [],
    );
  });
  return [...own, ...lines].join('\n');
}
