// Objects that no API server should let through, of every watched kind, on their way to a real Envoy: it takes all that
// is made of them, and a neighbour is served throughout. FLEETGATE_SEED=… repeats a run, FLEETGATE_FUZZ_ROUNDS=… makes
// it longer.
import * as fc from 'fast-check';
import t from 'tap';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { parseChangeEvent } from '#libs/events/parse-change-event.ts';
import { isNestedDeeper } from '#libs/gateway/nesting.ts';
import { applied } from '#libs/testing/given/change-events.ts';
import { hostileCases } from '#libs/testing/given/hostile-cases.ts';
import { anyHostileObject } from '#libs/testing/given/hostile-objects.ts';
import { ask, startBackend } from '#libs/testing/peers/http-peers.ts';
import { ProjectedGateways } from '#libs/testing/peers/projected-gateways.ts';
import { tlsFile } from '#libs/testing/peers/stream-gateway.ts';
import { throwawayEnvoy } from '#libs/testing/peers/throwaway-envoy.ts';
import { hostileTeam, victims } from '#libs/testing/given/two-teams.ts';

const seed = Number(process.env['FLEETGATE_SEED'] ?? Date.now() % 2 ** 31);
const gateways = [
  'infra/private',
  'infra/shared',
  'evil/gate',
  'evil/gate-rich',
  'evil/gate-2',
  'evil/older',
  'fleetgate-ingress/evil',
].map((name) => `eu/${name}`);
const rounds = Number(process.env['FLEETGATE_FUZZ_ROUNDS'] ?? 40);
const perRound = 40;
/** Listeners of both teams are on ports that need no privilege. */
const portOffset = 21_000;
const seen = '2026-01-01T00:00:00Z';

t.comment(`FLEETGATE_SEED=${seed}`);

/** The event as it comes out of the stream, where it comes through. */
function arriving(event: ChangeEvent): readonly ChangeEvent[] {
  const parsed = parseChangeEvent(JSON.parse(JSON.stringify({ ...event, at: seen, seenAt: seen })));
  return parsed.ok ? [parsed.value] : [];
}

void t.test('Envoy takes what is made of hostile objects, and serves their neighbours', async (t) => {
  const envoy = await throwawayEnvoy(t);
  const backend = await startBackend(t, 'good');
  const pipeline = new ProjectedGateways(gateways, portOffset);
  const endpoints = [{ address: '127.0.0.1', port: backend.port }];
  pipeline.apply([...victims(), ...hostileTeam()]);
  pipeline.compiler.setDiscovery(
    [
      { key: 'endpoints/eu/infra/svc/80', item: { kind: 'endpoints', endpoints } },
      ...['infra', 'evil'].map((team) => ({
        key: `tls/eu/${team}/pair`,
        item: { kind: 'tls', certificate: tlsFile('default.crt'), key: tlsFile('default.key') } as const,
      })),
    ],
    [],
  );
  t.same(await envoy.push(pipeline.compiler.flush()), [], 'what is well-formed is taken');
  const anyCase = fc.constantFrom(...hostileCases).map(({ object }) => object);
  const objects = fc.sample(fc.oneof(anyHostileObject, anyCase), { numRuns: rounds * perRound, seed });
  let entries = 0;
  for (let round = 0; round < rounds; round++) {
    const some = objects.slice(round * perRound, (round + 1) * perRound).filter((one) => !isNestedDeeper(one));
    const events = some.flatMap((one) => arriving(applied(one, 'eu', `${2 * round + 3}`)));
    // Each round meets a team that is otherwise sound, so that what is hostile gets as far as it can.
    pipeline.apply([...hostileTeam(`${2 * round + 2}`), ...events]);
    const refused = await envoy.push(pipeline.compiler.flush());
    t.same(refused, [], `round ${round}`);
    if (refused.length > 0) t.comment(JSON.stringify(some).slice(0, 5000));
    entries += pipeline.entriesOf('eu/evil/gate');
    const { status } = await ask(portOffset + 80, { host: 'sentinel.good.test' });
    t.equal(status, 200, `round ${round}: the neighbour is served`);
  }
  t.ok(entries > rounds * 5, `${entries} entries of the hostile gateway were served`);
});
