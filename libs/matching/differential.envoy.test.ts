// The matcher against Envoy: random route sets, compiled by libs/xds into a real Envoy, and random requests by HTTP/1.1
// and HTTP/2, TLS, TCP and UDP connections, with and without certificates. Both must say the same: who gets in, status,
// rule, backend, what the backend sees, Location, headers of the answer. FLEETGATE_SEED repeats a run, FLEETGATE_SETS
// makes it longer.
import * as fc from 'fast-check';
import t from 'tap';
import { messageOf } from '#libs/runtime/errors.ts';
import { connectionChoice, nearConnection } from '#libs/testing/given/near-connections.ts';
import { answersTo } from '#libs/testing/given/random-backends.ts';
import { nearRequest, requestChoice } from '#libs/testing/given/near-requests.ts';
import { type RouteSet, routeSets } from '#libs/testing/given/route-sets.ts';
import { differenceOf, expectedAnswer } from '#libs/testing/peers/expected-answer.ts';
import { expectedAnswers, serviceOf } from '#libs/testing/peers/expected-connection.ts';
import { startServedRouteSets } from '#libs/testing/peers/served-route-sets.ts';
import { compileMatcher, type Matcher } from './matcher.ts';
import type { HttpRequest } from './request.ts';
import type { StreamConnection } from './stream.ts';
import type { Verdict } from './verdict.ts';

const sets = Number(process.env['FLEETGATE_SETS'] ?? 40);
const requestsPerSet = 350;
const seed = Number(process.env['FLEETGATE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const connectionsPerSet = 20;
const server = await startServedRouteSets(t);

/** How often a run met what, by kind. */
const counts = new Map<string, number>();
/** What every run of some length has to meet. */
const features = [
  ...['HTTP/2', 'certificate', 'let in by certificate', 'TLS to a backend', 'answered by TLS', 'no answer by TLS'],
  ...['closed', 'forward', 'redirect', 'preflight', 'error', '400', '404', '421', 'stream (tcp)'],
  // One in twenty sets has any.
  ...(sets < 250 ? [] : ['stream (udp)']),
];

await t.test(`${sets} route sets, ${requestsPerSet} requests each, seed ${seed}`, async (t) => {
  let number = 0;
  const property = fc.asyncProperty(
    routeSets(server.ports),
    fc.array(requestChoice, { minLength: requestsPerSet, maxLength: requestsPerSet }),
    fc.array(connectionChoice, { minLength: connectionsPerSet, maxLength: connectionsPerSet }),
    async (set, choices, others) => {
      await server.serve(set);
      const matcher = compileMatcher(set.gateways);
      const all = choices.map((choice): HttpRequest => {
        const request = nearRequest(set, choice);
        return { ...request, headers: [...request.headers, ['x-n', String((number += 1))]] };
      });
      const isStream = (request: HttpRequest): boolean => matcher.match(request).type === 'stream';
      const streams = [
        ...others.flatMap((choice) => nearConnection(set, choice) ?? []),
        ...all.filter(isStream).map(({ port, tls }) => ({ port, transport: 'tcp' as const, ...(tls && { tls }) })),
      ];
      const requests = all.filter((request) => !isStream(request));
      await Promise.all([checkRequests(set, matcher, requests), checkConnections(set, matcher, streams)]);
    },
  );
  const result = await fc.check(property, {
    numRuns: sets,
    seed,
    endOnFailure: process.env['FLEETGATE_SHRINK'] === undefined,
    interruptAfterTimeLimit: Math.max(300_000, sets * 5000),
    markInterruptAsFailure: true,
  });
  t.equal(result.failed, false, `seed ${result.seed}: ${messageOf(result.errorInstance)}`);
  t.comment([...counts].map(([kind, times]) => `${kind}: ${times}`).join(', '));
  if (sets >= 40)
    t.strictSame(
      features.filter((feature) => !counts.has(feature)),
      [],
      'every feature was met',
    );
});

async function checkRequests(set: RouteSet, matcher: Matcher, requests: readonly HttpRequest[]): Promise<void> {
  const answers = await server.askRequests(requests);
  for (const [index, request] of requests.entries()) {
    const verdict = matcher.match(request);
    const expected = expectedAnswer(verdict, request);
    count('request', expected.kind, ...featuresOf(request, verdict));
    const found = differenceOf(expected, answers[index] ?? 'closed');
    if (found !== undefined)
      throw new Error(`${JSON.stringify(request)}\n${found}\n${describe(set, request.port, verdict)}`);
  }
}

async function checkConnections(
  set: RouteSet,
  matcher: Matcher,
  connections: readonly StreamConnection[],
): Promise<void> {
  const expectedOf = (connection: StreamConnection): ReadonlySet<string> =>
    expectedAnswers(matcher.connect(connection), connection);
  const answers = await server.askConnections(connections, (connection) => !expectedOf(connection).has('nothing'));
  for (const [index, connection] of connections.entries()) {
    const verdict = matcher.connect(connection);
    const expected = expectedOf(connection);
    count('connection', `${verdict.type} (${connection.transport})`);
    const answer = answers[index] ?? '';
    if (!expected.has(answer)) {
      const found = `expected ${[...expected].join(' or ')}\n but got ${answer}`;
      throw new Error(`${JSON.stringify(connection)}\n${found}\n${describe(set, connection.port, verdict)}`);
    }
  }
}

function count(...kinds: readonly string[]): void {
  for (const kind of kinds) counts.set(kind, (counts.get(kind) ?? 0) + 1);
}

function featuresOf({ version, tls }: HttpRequest, verdict: Verdict): readonly string[] {
  const outcome = verdict.type === 'rule' ? verdict.outcome : undefined;
  const targets = outcome?.type === 'forward' ? outcome.shares.map(({ backend }) => backend) : [];
  const policies = targets.flatMap((target) => ('key' in target && target.tls !== undefined ? [target] : []));
  const isAnswered = policies.some(({ key, tls: policy }) => answersTo(serviceOf(key), policy));
  const isDemanded = verdict.type === 'rule' && verdict.listener.entry.clientValidation?.mode === 'AllowValidOnly';
  return [
    ...(version === '2' ? ['HTTP/2'] : []),
    ...(tls?.certificate === undefined ? [] : ['certificate']),
    ...(isDemanded ? ['let in by certificate'] : []),
    ...(policies.length === 0 ? [] : ['TLS to a backend', isAnswered ? 'answered by TLS' : 'no answer by TLS']),
  ];
}

/** What the request could meet. */
function describe({ gateways }: RouteSet, port: number, verdict: Verdict): string {
  const own = verdict.type === 'rule' || verdict.type === 'stream' ? [JSON.stringify(verdict.rule.entry, null, 1)] : [];
  const lines = gateways.flatMap(({ gateway, entries }) => {
    const names = [...entries.values()].flatMap((entry) =>
      entry.kind === 'listener' && entry.port === port ? [entry.name] : [],
    );
    return [...entries].flatMap(([key, entry]) =>
      (entry.kind === 'listener' && entry.port === port) ||
      ((entry.kind === 'http-rule' || entry.kind === 'stream-rule') &&
        entry.hosts.some(({ listener }) => names.includes(listener)))
        ? [`${gateway} ${key} ${JSON.stringify(entry)}`]
        : [],
    );
  });
  return [...own, ...lines].join('\n');
}
