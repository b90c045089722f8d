// Takes Postgres from a projector that leads and from one that stands by: neither says that it is ready.
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { throwawayPostgres } from '#libs/testing/peers/throwaway.ts';
import { relayPostgres } from '#libs/testing/peers/relayed-postgres.ts';
import { TestFleet } from './testing/test-fleet.ts';

void t.test('a projector is ready only while Postgres answers', async (t) => {
  const postgres = await relayPostgres(t, (await throwawayPostgres(t)).url);
  const fleet = await TestFleet.open(t, { databaseUrl: postgres.url });
  const leader = await fleet.projector();
  await eventually(async () => (await readinessAt(leader.port)).status === 200);
  const standby = await fleet.projector();
  await eventually(async () => (await readinessAt(standby.port)).status === 200);
  for (const state of ['hangs', 'refuses'] as const) {
    postgres.become(state);
    for (const { port } of [leader, standby]) {
      const { status } = await eventually(
        async () => {
          const readiness = await readinessAt(port);
          return readiness.body.includes('Postgres does not answer') && readiness;
        },
        { timeoutMs: 8000 },
      );
      t.equal(status, 503, state);
    }
    postgres.become('serves');
    for (const { port } of [leader, standby]) {
      await eventually(async () => (await readinessAt(port)).status === 200, { timeoutMs: 30_000 });
    }
  }
});

async function readinessAt(port: number): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  return { status: response.status, body: await response.text() };
}
