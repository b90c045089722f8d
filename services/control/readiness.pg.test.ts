// Takes Postgres from control: it says that it is not ready within seconds, and comes back by itself.
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { throwawayPostgres } from '#libs/testing/peers/throwaway.ts';
import { relayPostgres } from '#libs/testing/peers/relayed-postgres.ts';
import { startReplica } from './testing/control-fixture.ts';

void t.test('control is ready only while Postgres answers', async (t) => {
  const postgres = await relayPostgres(t, (await throwawayPostgres(t)).url);
  const { port } = await startReplica(t, postgres.url);
  const status = async (): Promise<number> => (await fetch(`http://127.0.0.1:${port}/readyz`)).status;
  t.equal(await status(), 200);
  for (const state of ['hangs', 'refuses'] as const) {
    postgres.become(state);
    await eventually(async () => (await status()) === 503, { timeoutMs: 5000 });
    const { reasons } = Object(await (await fetch(`http://127.0.0.1:${port}/readyz`)).json());
    t.strictSame(reasons, ['Postgres does not answer.'], state);
    postgres.become('serves');
    await eventually(async () => (await status()) === 200, { timeoutMs: 30_000 });
  }
});
