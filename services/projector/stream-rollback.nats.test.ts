// Holds that nothing is lost when the NATS store comes back older while the projector runs, as after a power cut or
// from a copy of the disk: the stream has the name and the creation time that it had, and other messages under the
// numbers that were read.
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { heartbeatSubject, resyncSubject } from '#libs/events/subjects.ts';
import { type EmbeddedNats, startNats } from '#libs/runtime/nats/embedded-nats.ts';
import { tryPort } from '#libs/runtime/ports.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { type Teardown, testLogger, throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import * as shop from './testing/shop.ts';
import { TestFleet } from './testing/test-fleet.ts';

const after = `exists (select 1 from events where name = 'after')`;
const log = testLogger('nats');

void t.test('a stream that lost its newest messages while the projector runs', async (t) => {
  const { fleet, restore } = await lossOf(t, 10);
  await fleet.projector();
  await restore.begin();
  let asked = 0;
  fleet.nats.subscribe(resyncSubject, (json) => {
    if (!Object.hasOwn(Object(json), 'stream')) asked += 1;
  });
  await restore.older();
  await fleet.send(shop.route('after', 1));
  await fleet.until(after);
  // Who was not connected yet when agents were asked is asked again when it gives a sign of life.
  await eventually(
    () => {
      fleet.nats.publish(heartbeatSubject('eu'), shop.heartbeat);
      return asked > 0;
    },
    { everyMs: 200 },
  );
  const counts = `select count(*)::int as n, count(distinct id)::int as ids from events where cluster <> ''`;
  t.match(await fleet.rows(counts), [{ n: 15, ids: 15 }]);
});

void t.test('… and had grown beyond what was read before the projector saw it again', async (t) => {
  const { fleet, restore } = await lossOf(t, 2);
  const projector = await fleet.projector();
  await restore.begin();
  await projector.stop();
  await restore.older();
  await fleet.send(shop.route('after', 1), ...[1, 2, 3, 4].map((n) => shop.route(`c${n}`, 1)));
  const { lastSeq } = await fleet.nats.ensureStream();
  t.match(await fleet.rows(`select stream_seq < ${lastSeq} as grown from projector`), [{ grown: true }]);
  await fleet.projector();
  await fleet.until(after);
  await fleet.until(`(select count(*) from events where name like 'c%') = 4`);
});

void t.test('… and a reader that never went away notices, too', async (t) => {
  const { fleet, restore } = await lossOf(t, 2);
  await fleet.projector();
  await restore.begin();
  await restore.older(async (url) => {
    const early = await TestFleet.open(t, { databaseUrl: fleet.databaseUrl, natsUrl: url });
    await early.send(...[1, 2, 3, 4].map((n) => shop.route(`c${n}`, 1)), shop.route('after', 1));
  });
  await fleet.until(after);
  await fleet.until(`(select count(*) from events where name like 'c%') = 4`);
});

interface Restore {
  /** Four events and a copy of the store, then `lost` more that the projector commits. */
  begin(): Promise<void>;
  /** Starts the server with the copy; `before` may publish there while the fleet cannot reach it yet. */
  older(before?: (url: string) => Promise<void>): Promise<void>;
}

async function lossOf(t: Teardown, lost: number): Promise<{ readonly fleet: TestFleet; readonly restore: Restore }> {
  const dataDir = await throwawayFolder(t);
  const copy = await throwawayFolder(t);
  const store = join(dataDir, 'store');
  let server: EmbeddedNats = await startNats({ dataDir, log });
  const { port } = server;
  t.teardown(() => server.stop());
  const fleet = await TestFleet.open(t, { natsUrl: server.url });
  const restore: Restore = {
    async begin() {
      await fleet.send(...shop.platform(), shop.route('a', 1));
      await fleet.settled();
      await server.stop();
      await cp(store, copy, { recursive: true });
      server = await startNats({ dataDir, port, log });
      for (let index = 0; index < lost; index++) await fleet.send(shop.route(`b${index}`, 1));
      await fleet.settled();
    },
    async older(before) {
      await server.stop();
      await rm(store, { recursive: true });
      await cp(copy, store, { recursive: true });
      if (before !== undefined) {
        const elsewhere = await startNats({ dataDir, port: (await tryPort('127.0.0.1', 0)) ?? 0, log });
        await before(elsewhere.url);
        await elsewhere.stop();
      }
      server = await startNats({ dataDir, port, log });
    },
  };
  return { fleet, restore };
}
