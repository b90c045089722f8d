// Measures how fast a history is published, verified and proved, on a real Postgres: rows of the size that a changed
// HTTPRoute has, made in bulk, with their log. The snapshots are left out: rebuild measures those.
//
//   npx node loadtest/evidence-bench.ts [events]
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { leafOfEvent } from '#libs/events/event-leaf.ts';
import { readOptions } from '#libs/runtime/config.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { startPostgres } from '#libs/runtime/postgres/embedded-postgres.ts';
import { emptyFrontier, extendFrontier, rootOf } from '#libs/tlog/frontier.ts';
import { formatVerifierKey } from '#libs/tlog/note-key.ts';
import { hashLeaf } from '#libs/tlog/tree-hash.ts';
import { migrate } from '../migrations/run.ts';
import { generateLogKey, readVerifierKeys } from '../services/projector/audit/log-keys.ts';
import { proveOptions, publishOptions, verifyOptions } from '../services/projector/audit/options.ts';
import { checkProof } from '../services/projector/audit/proof-check.ts';
import { proveEvent } from '../services/projector/audit/proving.ts';
import { publishOnce } from '../services/projector/audit/publishing.ts';
import { failureOf, verifyAudit } from '../services/projector/audit/verifying.ts';

const count = Number(process.argv[2] ?? 200_000);
const batch = 500;
const log = createLogger({ service: 'bench', level: 'error' });
/** What a page of text looks like that no compression makes small. */
const filler = Array.from({ length: 27 }, (_, n) => createHash('sha256').update(`${n}`).digest('hex')).join('');

const folder = await mkdtemp(join(tmpdir(), 'fleetgate-bench-'));
const postgres = await startPostgres({ dataDir: join(folder, 'postgres'), log });
try {
  await migrate(postgres.url);
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  print(
    'machine',
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, load before ${(loadavg()[0] ?? 0).toFixed(1)}`,
  );
  await fill(client);
  const keyFile = join(folder, 'key');
  const vkey = formatVerifierKey(generateLogKey('bench.example/history', keyFile));
  const tiles = join(folder, 'published');
  const flags = { databaseUrl: postgres.url, logKey: [keyFile], checkpoints: tiles };
  await timed('publish', () => publishOnce(readOptions(publishOptions, flags, {}), log));
  const signed = { databaseUrl: postgres.url, key: [vkey], eventsOnly: true };
  for (const [name, more] of [
    ['verify by a checkpoint', { checkpoint: [join(tiles, 'checkpoint')] }],
    ['verify by what was published', { tiles }],
  ] as const) {
    const report = await timed(name, () =>
      verifyAudit(readOptions(verifyOptions, { ...signed, ...more }, {}), () => undefined),
    );
    const failure = failureOf(report);
    if (failure !== undefined) throw failure;
  }
  const event = String(Math.ceil(count / 2));
  for (const [name, source] of [
    ['from what was published', { tiles }],
    ['from the database', { databaseUrl: postgres.url, checkpoint: join(tiles, 'checkpoint') }],
  ] as const) {
    const begun = performance.now();
    const { proof } = await proveEvent(event, readOptions(proveOptions, { key: [vkey], ...source }, {}));
    const tookMs = performance.now() - begun;
    checkProof(proof, 'bench', readVerifierKeys([vkey]));
    print(`prove ${name}`, `event ${event} in ${tookMs.toFixed(1)} ms, ${proof.length} bytes`);
  }
  await client.end();
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

function print(name: string, text: string): void {
  process.stdout.write(`${name}: ${text}\n`);
}

async function timed<T>(name: string, work: () => Promise<T>): Promise<T> {
  const [begun, cpu] = [performance.now(), process.cpuUsage()];
  const result = await work();
  const tookMs = performance.now() - begun;
  const { user, system } = process.cpuUsage(cpu);
  const rate = Math.round((count * 1000) / tookMs);
  const own = ((user + system) / count).toFixed(1);
  print(name, `${count} events in ${(tookMs / 1000).toFixed(2)} s: ${rate}/s, ${own} µs of this process each`);
  return result;
}

/** Writes the events as a projector would have: in transactions of 500, with leaves, tiles, size and root. */
async function fill(client: Client): Promise<void> {
  let frontier = emptyFrontier;
  for (let from = 1; from <= count; from += batch) {
    const last = Math.min(from + batch - 1, count);
    const events = Array.from({ length: last - from + 1 }, (_, at) => eventOf(from + at, last));
    const leaves = events.map((event) => hashLeaf(leafOfEvent(event)));
    const grown = extendFrontier(frontier, leaves);
    frontier = grown.frontier;
    await client.query(
      `insert into events (seq, batch, id, type, cluster, kind, namespace, name, uid, manager, operation, at,
                           recorded_at, data, leaf)
       select seq, $1, id, 'applied', 'eu', 'HTTPRoute', 'shop', name, uid, 'kubectl', 'Update', $2, $2, data, leaf
         from unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[])
           as r(seq, id, name, uid, data, leaf)`,
      [
        last,
        '2026-01-01T00:00:00Z',
        ...(['seq', 'id', 'name', 'uid', 'data'] as const).map((key) => events.map((event) => event[key])),
        leaves,
      ],
    );
    for (const { level, index, hashes } of grown.tiles)
      await client.query('insert into log_tiles (level, index, hashes) values ($1, $2, $3)', [level, index, hashes]);
  }
  await client.query(
    'insert into projector (id, epoch, commit, stream_seq, log_size, log_root) values (1, 1, 1, 0, $1, $2) ' +
      'on conflict (id) do update set log_size = excluded.log_size, log_root = excluded.log_root',
    [frontier.size, rootOf(frontier)],
  );
  await client.query('vacuum analyze events');
}

function eventOf(seq: number, last: number) {
  const route = `route-${seq % 10_000}`;
  return {
    seq,
    batch: last,
    id: `eu/3f0c6f0e-${route}/${seq}`,
    type: 'applied',
    cluster: 'eu',
    kind: 'HTTPRoute',
    namespace: 'shop',
    name: route,
    uid: `3f0c6f0e-${route}`,
    manager: 'kubectl',
    operation: 'Update',
    at: '2026-01-01T00:00:00.000Z',
    recordedAt: '2026-01-01T00:00:00.000Z',
    data: `{"object":"${filler}","version":${seq}}`,
  };
}
