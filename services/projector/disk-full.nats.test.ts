// Fills the disk of a real nats-server below a projector: JetStream goes on to answer and stores nothing, also when
// there is room again. The projector says so, says what to do, and is ready by itself when that is done.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { changeSubject, streamName } from '#libs/events/subjects.ts';
import { resolveBinary } from '#libs/runtime/binaries/resolve-binary.ts';
import { type EmbeddedNats, startNats } from '#libs/runtime/nats/embedded-nats.ts';
import { startChild } from '#libs/runtime/process/child.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { type SmallDisk, smallDisk } from '#libs/testing/peers/small-disk.ts';
import { type Teardown, testLogger, throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import * as shop from './testing/shop.ts';
import { TestFleet } from './testing/test-fleet.ts';
import { readinessAnswer } from './testing/readiness-answer.ts';

const log = testLogger('nats');
const remedy = /stores nothing: .*no space left on device\. Make room on the disk of nats-server, then restart it/;

void t.test('a full disk, noticed by what is sent', async (t) => {
  const { fleet, disk, restart } = await onSmallDisk(t);
  const { port } = await fleet.projector();
  await fleet.send(...shop.platform(), shop.route('before', 1));
  await fleet.settled();
  await until(port, 200);

  await disk.fill();
  const sent = storeAll(fleet, 20);
  t.match(await until(port, 503), remedy, '/readyz says why and what to do');
  await fleet.until(`exists (select 1 from projectors where phase = 'leading' and problems::text like '%Make room%')`);
  t.equal(await metricAt(port, 'stream_unwritable'), 1);

  await disk.empty();
  const { lastSeq } = await fleet.nats.ensureStream();
  await t.rejects(fleet.nats.publishStream(changeSubject('eu'), {}, { id: 'late', timeoutMs: 1000 }), {
    code: 'nats-publish',
  });
  t.equal((await fleet.nats.ensureStream()).lastSeq, lastSeq, 'JetStream stores nothing though there is room');
  t.match(await until(port, 503), remedy);

  await restart();
  await until(port, 200);
  t.equal(await metricAt(port, 'stream_unwritable'), 0);
  await fleet.until(`not exists (select 1 from projectors where problems <> '[]')`);
  await sent;
  await fleet.settled();
  t.match(await fleet.rows(`select count(*)::int as n from events where name like 'during-%'`), [{ n: 20 }]);
  await fleet.verify();
});

void t.test('a full disk while nothing is sent', async (t) => {
  const { fleet, disk, restart } = await onSmallDisk(t);
  const { port } = await fleet.projector();
  await fleet.send(...shop.platform());
  await until(port, 200);
  await disk.fill();
  t.match(await until(port, 503), remedy);
  await disk.empty();
  await restart();
  await until(port, 200);
});

void t.test('a projector that is started while the disk is full', async (t) => {
  const { fleet, disk, restart } = await onSmallDisk(t);
  const first = await fleet.projector();
  await fleet.send(...shop.platform());
  await until(first.port, 200);
  await first.stop();
  await disk.fill();
  const { port } = await fleet.projector();
  t.match(await until(port, 503, /stores/), remedy);
  await disk.empty();
  await restart();
  await until(port, 200);
});

void t.test('a limit of the server is another thing', async (t) => {
  const dataDir = await throwawayFolder(t);
  const first = await startNats({ dataDir, log });
  const fleet = await TestFleet.open(t, { natsUrl: first.url });
  const { port } = await fleet.projector();
  await fleet.send(...shop.platform());
  await until(port, 200);
  await first.stop();
  const limited = await startLimited(dataDir, '1');
  const refused = await until(port, 503, /limit/);
  t.match(refused, /reached a limit and stores nothing: .*insufficient storage resources.*Raise max_file_store/);
  t.notMatch(refused, /Make room|restart/, 'no remedy of another fault');
  await limited.stop();
  const last = await startNats({ dataDir, port: first.port, log });
  t.teardown(() => last.stop());
  await until(port, 200);
});

void t.test('a limit that leaves no room for the stream', async (t) => {
  const dataDir = await throwawayFolder(t);
  const first = await startNats({ dataDir, log });
  await first.stop();
  const limited = await startLimited(dataDir, '100MB');
  const fleet = await TestFleet.open(t, { natsUrl: first.url });
  const { port } = await fleet.projector();
  t.match(
    await until(port, 503, /limit/),
    new RegExp(`reached a limit .*${streamName}: insufficient storage resources available .*Raise max_file_store`),
  );
  await limited.stop();
  const last = await startNats({ dataDir, port: first.port, log });
  t.teardown(() => last.stop());
  await until(port, 200);
});

void t.test('probes of a stream that is idle', async (t) => {
  const { fleet } = await onSmallDisk(t);
  const first = await fleet.projector();
  await fleet.send(...shop.platform());
  const { lastSeq } = await fleet.nats.ensureStream();
  // Three replace each other.
  await eventually(async () => (await fleet.nats.ensureStream()).lastSeq >= lastSeq + 3, { timeoutMs: 60_000 });
  await first.stop();
  const second = await fleet.projector();
  await until(second.port, 200);
  await fleet.send(shop.route('after', 1));
  await fleet.settled();
  t.equal(await metricAt(second.port, 'resyncs_total'), 0, 'the gaps are no loss');
  t.equal(await metricAt(second.port, 'restores_total'), 0);
  await fleet.verify();
});

/** Starts a fleet whose NATS has 32 MB; `restart` restarts nats-server, as a person would. */
async function onSmallDisk(
  t: Teardown,
): Promise<{ readonly fleet: TestFleet; readonly disk: SmallDisk; readonly restart: () => Promise<void> }> {
  const disk = await smallDisk(t, 32);
  const dataDir = join(disk.path, 'nats');
  let server: EmbeddedNats = await startNats({ dataDir, log });
  t.teardown(() => server.stop());
  const fleet = await TestFleet.open(t, { natsUrl: server.url });
  const { port } = server;
  const restart = async (): Promise<void> => {
    await server.stop();
    server = await startNats({ dataDir, port, log });
  };
  return { fleet, disk, restart };
}

/** Starts nats-server as it was started last, but with less room. */
async function startLimited(dataDir: string, maxFileStore: string): Promise<{ stop(): Promise<void> }> {
  const config = join(dataDir, 'limited.conf');
  const text = await readFile(join(dataDir, 'nats.conf'), 'utf8');
  await writeFile(config, text.replace(/max_file_store: .*/, `max_file_store: ${maxFileStore}`));
  return startChild({
    name: 'nats-server',
    command: await resolveBinary('nats-server'),
    args: ['-c', config],
    log,
    restart: false,
  });
}

/** Publishes routes until all are stored, as agents do. */
async function storeAll(fleet: TestFleet, count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    const event = shop.route(`during-${index}`, 1);
    await eventually(() => fleet.nats.publishStream(changeSubject('eu'), event, { id: event.uid, timeoutMs: 1000 }), {
      timeoutMs: 120_000,
    });
  }
}

function until(port: number, status: number, says = /./): Promise<string> {
  return readinessAnswer(port, status, says, 40_000);
}

async function metricAt(port: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(new RegExp(`^fleetgate_projector_${name}\\{.*\\} (.*)$`, 'm').exec(text)?.[1]);
}
