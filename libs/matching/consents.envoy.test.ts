// The matcher against Envoy where services are asked: random route sets with random wishes for consent on listeners,
// rules and backends, and services over HTTP and gRPC that both sides know. Both must say the same, of refusals, of
// what consents change and routing then sees, and of what has nobody to ask. FLEETGATE_SEED repeats a run.
import * as fc from 'fast-check';
import t from 'tap';
import { messageOf } from '#libs/runtime/errors.ts';
import { startGrpcAuth, startHttpAuth } from '#libs/testing/peers/auth-service.ts';
import { differenceOf } from '#libs/testing/peers/expected-answer.ts';
import { expectedBehind } from '#libs/testing/peers/expected-consents.ts';
import { startServedRouteSets } from '#libs/testing/peers/served-route-sets.ts';
import { nearRequest, requestChoice } from '#libs/testing/given/near-requests.ts';
import {
  authServices,
  changingHeader,
  consentChoice,
  decideBy,
  refusingHeader,
  withConsents,
} from '#libs/testing/given/random-consents.ts';
import { routeSets, type RouteSet } from '#libs/testing/given/route-sets.ts';
import { compileMatcher } from './matcher.ts';
import type { HttpRequest } from './request.ts';

const sets = Number(process.env['FLEETGATE_SETS'] ?? 40);
const requestsPerSet = 200;
const seed = Number(process.env['FLEETGATE_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const server = await startServedRouteSets(t);
server.reach(authServices.http, (await startHttpAuth(t, (request) => decideBy('http', request))).port);
server.reach(authServices.grpc, (await startGrpcAuth(t, (request) => decideBy('grpc', request))).port);

/** What Envoy and Node answer for these is held by the test of header lines. */
const answeredElsewhere = new Set(['expect', 'transfer-encoding']);

const said = fc.record({
  refuse: fc.constantFrom('', '', '', 'http', 'grpc'),
  change: fc.boolean(),
});

await t.test(`${sets} route sets, ${requestsPerSet} requests each, seed ${seed}`, async (t) => {
  const kinds = new Map<string, number>();
  const property = fc.asyncProperty(
    routeSets(server.ports),
    consentChoice,
    fc.array(fc.tuple(requestChoice, said), { minLength: requestsPerSet, maxLength: requestsPerSet }),
    async (plain, wishes, choices) => {
      const set = withConsents(plain, wishes);
      await server.serve(set);
      const matcher = compileMatcher(set.gateways);
      const all = choices.map(([choice, { refuse, change }]): HttpRequest => {
        const request = nearRequest(set, choice);
        const own = [...(refuse === '' ? [] : [[refusingHeader, refuse] as const])];
        const more = change ? [[changingHeader, 'yes'] as const] : [];
        const sent = request.headers.filter(([name]) => !answeredElsewhere.has(name.toLowerCase()));
        return { ...request, headers: [...sent, ...own, ...more] };
      });
      const requests = all.filter((request) => matcher.match(request).type !== 'stream');
      const answers = await server.askRequests(requests);
      for (const [index, request] of requests.entries()) {
        const expected = expectedBehind(matcher, request);
        kinds.set(expected.kind, (kinds.get(expected.kind) ?? 0) + 1);
        const found = differenceOf(expected, answers[index] ?? 'closed');
        if (found !== undefined)
          throw new Error(`${JSON.stringify(request)}\n${found}\n${describe(set, matcher.match(request))}`);
      }
    },
  );
  const result = await fc.check(property, {
    numRuns: sets,
    seed,
    endOnFailure: process.env['FLEETGATE_SHRINK'] === undefined,
    interruptAfterTimeLimit: 120_000,
  });
  t.equal(result.failed, false, `seed ${result.seed}: ${messageOf(result.errorInstance)}`);
  t.comment([...kinds].map(([kind, count]) => `${count} ${kind}`).join(', '));
  for (const kind of ['refused by http', 'refused by grpc', 'forward', '404', 'preflight'])
    t.ok((kinds.get(kind) ?? 0) > 0, `some ${kind}`);
});

function describe({ gateways }: RouteSet, verdict: unknown): string {
  const entries = gateways.flatMap(({ gateway, entries: all }) =>
    [...all]
      .filter(([key]) => key.startsWith('listener/'))
      .map(([key, entry]) => `${gateway} ${key} ${JSON.stringify(entry)}`),
  );
  return [JSON.stringify(verdict), ...entries].join('\n');
}
