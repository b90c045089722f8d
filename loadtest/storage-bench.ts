// Measures how many bytes of Postgres a small edit costs: a fleet of routes, then edits of one weight each, every edit
// a transaction of the real writer. Prints bytes per edit by table and index: as they were written, and as they are
// left when all that is old enough is archived; what an edit costs in the archive; and what a year of 100 clusters with
// 1,000 edits a day comes to.
//
//   npx node loadtest/storage-bench.ts [edits] [routes]
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { createMetrics } from '#libs/runtime/metrics.ts';
import { startPostgres } from '#libs/runtime/postgres/embedded-postgres.ts';
import { applied } from '#libs/testing/given/change-events.ts';
import { migrate } from '../migrations/run.ts';
import { archiveEvents } from '../services/projector/archive/archive-events.ts';
import { archiveVersions } from '../services/projector/archive/archive-versions.ts';
import { openPlace } from '../services/projector/places/open-place.ts';
import { Intake } from '../services/projector/ingest/intake.ts';
import { Writer } from '../services/projector/ingest/writer.ts';
import { awaitLeadership } from '../services/projector/leadership.ts';
import { createProjectorMetrics } from '../services/projector/metrics.ts';
import { newIdentity } from '../services/projector/presence.ts';
import { shopService, webGateway } from './web-gateway.ts';

const edits = Number(process.argv[2] ?? 1000);
const routes = Number(process.argv[3] ?? 100);
const editsPerYear = 100 * 1000 * 365;
const retainedDays = 90;
const routesPerTransaction = 100;

/** A table's heap with its texts stored apart, or an index. */
interface Part {
  readonly part: string;
  readonly bytes: number;
}

const log = createLogger({ service: 'bench', level: 'error' });
let streamSeq = 0;

const folder = await mkdtemp(join(tmpdir(), 'fleetgate-bench-'));
const postgres = await startPostgres({ dataDir: folder, log });
try {
  await migrate(postgres.url);
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  const self = newIdentity(15_000);
  const leadership = await awaitLeadership({ url: postgres.url, log, signal: new AbortController().signal, self });
  if (leadership === undefined) throw new Error('not leading');
  const metrics = createProjectorMetrics(createMetrics('bench'));
  const writer = await Writer.open({ leadership, limits: {}, metrics, log, now: () => new Date() }, []);
  await append(writer, [...webGateway(), shopService('shop'), shopService('shop-canary')]);
  for (let from = 0; from < routes; from += routesPerTransaction) {
    const length = Math.min(routesPerTransaction, routes - from);
    await append(
      writer,
      Array.from({ length }, (_, index) => route(from + index, 1)),
    );
  }
  const before = await sizes(client);
  for (let edit = 0; edit < edits; edit++) await append(writer, [route(edit % routes, 2 + Math.floor(edit / routes))]);
  const after = await sizes(client);
  const archive = join(folder, 'archive');
  await archiveEvents(client, openPlace(archive, {}), soon(), () => undefined);
  await archiveVersions(client, openPlace(archive, {}), soon());
  // What is free in a table is used again; here it is given back, so that only what is kept counts.
  await client.query('vacuum full');
  printTable(before, after, await sizes(client), await bytesBelow(archive));
  await leadership.release();
  await client.end();
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Appends events in one transaction, as the stream would bring them. */
async function append(writer: Writer, events: readonly ChangeEvent[]): Promise<void> {
  const intake = new Intake(writer.clusters, writer.projection);
  for (const event of events) intake.add(event);
  streamSeq += events.length;
  await writer.append(intake, { streamCreated: 'bench', streamSeq, storedAt: null });
}

/** Gives the size of each table, with its texts stored apart, and of each index, after autovacuum's work is done. */
async function sizes(client: Client): Promise<readonly Part[]> {
  await client.query('vacuum');
  const { rows } = await client.query<{ part: string; bytes: string }>(
    `select relname as part, pg_table_size(oid) as bytes from pg_class
      where relkind = 'r' and relnamespace = 'public'::regnamespace
     union all
     select t.relname || ' / ' || i.relname, pg_relation_size(i.oid)
       from pg_index x join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
      where t.relnamespace = 'public'::regnamespace order by 1`,
  );
  return rows.map(({ part, bytes }) => ({ part, bytes: Number(bytes) }));
}

function printTable(
  before: readonly Part[],
  after: readonly Part[],
  archived: readonly Part[],
  archiveBytes: number,
): void {
  const perEdit = (parts: readonly Part[]): ReadonlyMap<string, number> => {
    const then = new Map(before.map(({ part, bytes }) => [part, bytes]));
    return new Map(parts.map(({ part, bytes }) => [part, (bytes - (then.get(part) ?? 0)) / edits]));
  };
  const [written, left] = [perEdit(after), perEdit(archived)];
  print('| table / index | bytes per edit | after archiving |\n| --- | ---: | ---: |');
  for (const [part, bytes] of written)
    if (Math.round(bytes) > 0 || Math.round(left.get(part) ?? 0) > 0)
      print(`| ${part} | ${Math.round(bytes)} | ${Math.round(left.get(part) ?? 0)} |`);
  print(`| all | ${Math.round(sum(written))} | ${Math.round(sum(left))} |`);
  print(`in the archive: ${Math.round(archiveBytes / edits)} bytes per edit`);
  const retained = (editsPerYear / 365) * retainedDays;
  print(
    `${edits} edits of ${routes} routes; a year of 100 × 1,000 a day: ${gigabytes(sum(written), editsPerYear)}; ` +
      `with ${retainedDays} days in the database: ${gigabytes(sum(written), retained)} of them and ` +
      `${gigabytes(sum(left), editsPerYear - retained)} of older ones, ` +
      `${gigabytes(archiveBytes / edits, editsPerYear)} in the archive`,
  );
}

function sum(parts: ReadonlyMap<string, number>): number {
  return [...parts.values()].reduce((all, one) => all + one, 0);
}

function gigabytes(bytesEach: number, count: number): string {
  return `${((bytesEach * count) / 1e9).toFixed(1)} GB`;
}

/** Gives a moment that everything is older than. */
function soon(): Date {
  return new Date(Date.now() + 60_000);
}

async function bytesBelow(root: string): Promise<number> {
  const files = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  const whole = files.filter((file) => file.isFile()).map((file) => stat(join(file.parentPath, file.name)));
  return (await Promise.all(whole)).reduce((sum, { size }) => sum + size, 0);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Gives a route as teams write them: labels, three rules, a weight that each edit changes. */
function route(index: number, edit: number): ChangeEvent {
  const name = `checkout-${index}`;
  const rule = (path: string, weight: number): object => ({
    matches: [
      { path: { type: 'PathPrefix', value: path }, headers: [{ type: 'Exact', name: 'x-tenant', value: `t${index}` }] },
    ],
    filters: [{ type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'x-team', value: 'shop' }] } }],
    backendRefs: [
      { group: '', kind: 'Service', name: 'shop', port: 80, weight: 1000 - weight },
      { group: '', kind: 'Service', name: 'shop-canary', port: 80, weight },
    ],
  });
  return applied(
    {
      kind: 'HTTPRoute',
      metadata: {
        name,
        namespace: 'shop',
        generation: edit,
        labels: { 'app.kubernetes.io/name': name, 'app.kubernetes.io/part-of': 'shop', team: 'checkout' },
        annotations: { 'argocd.argoproj.io/tracking-id': `shop:gateway.networking.k8s.io/HTTPRoute:shop/${name}` },
      },
      spec: {
        parentRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'web', namespace: 'infra' }],
        hostnames: [`checkout-${index}.shop.example.com`],
        rules: [rule('/cart', edit % 1000), rule('/pay', 0), rule('/', 0)],
      },
    },
    'eu',
    `${1000 + edit}`,
  );
}
