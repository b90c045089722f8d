// Measures the questions that the history is asked, over a real Postgres with as many events as wanted and through the
// real API: each question several times, first pages and deep ones.
//
//   npx node loadtest/history-bench.ts [events] [folder]
//
// The folder keeps the database: the next run with it measures without filling.
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { z } from 'zod';
import { readOptions } from '#libs/runtime/config.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { localDoer } from '#libs/runtime/postgres/deeds.ts';
import { startPostgres } from '#libs/runtime/postgres/embedded-postgres.ts';
import { openPostgres } from '#libs/runtime/postgres/postgres.ts';
import { quantile } from '#libs/testing/quantile.ts';
import { migrate } from '../migrations/run.ts';
import { createToken } from '../services/control/access/tokens.ts';
import { startControl } from '../services/control/control.ts';
import { controlOptions } from '../services/control/options.ts';
import { fillHistory } from './history/fill.ts';
import { type Question, type Span, questionsOf } from './history/questions.ts';

const count = Number(process.argv[2] ?? 1_000_000);
const kept = process.argv[3];
const asks = 15;
/** A slow question is asked fewer times, at least three. */
const askingMs = 3000;
const asksMin = 3;
const deepPages = 10;
const nobodyThere = 'nats://127.0.0.1:9';
const log = createLogger({ service: 'bench', level: 'fatal' });

const answerOf = z.object({
  items: z.array(z.unknown()).optional(),
  fields: z.array(z.unknown()).optional(),
  next: z.string().nullish().default(null),
});

const folder = kept ?? (await mkdtemp(join(tmpdir(), 'fleetgate-bench-')));
const isFilled = existsSync(join(folder, 'data'));
const postgres = await startPostgres({ dataDir: folder, log });
try {
  await migrate(postgres.url);
  if (!isFilled) {
    const seconds = await fillHistory(postgres.url, count, log, (line) => print('fill', line));
    print('filled', `${count} events in ${seconds.toFixed(0)} s, ${Math.round(count / seconds)}/s`);
  }
  const span = await settle(postgres.url);
  print(
    'machine',
    `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, load before ${(loadavg()[0] ?? 0).toFixed(1)}`,
  );
  await measureAll(postgres.url, span);
} finally {
  await postgres.stop();
  if (kept === undefined) await rm(folder, { recursive: true, force: true });
}

/** Does at once what autovacuum does within minutes, says how large the history is; answers its times. */
async function settle(url: string): Promise<Span> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query('vacuum analyze');
  const { rows } = await client.query<{ events: string; first: Date; last: Date; size: string }>(
    `select count(*) as events, min(recorded_at) as first, max(recorded_at) as last,
            pg_size_pretty(pg_database_size(current_database())) as size from events`,
  );
  await client.end();
  const [row] = rows;
  if (row === undefined) throw new Error('there is no history');
  print('history', `${row.events} events, ${row.size}`);
  return { from: row.first.getTime(), until: row.last.getTime() };
}

async function measureAll(databaseUrl: string, span: Span): Promise<void> {
  const opened = openPostgres({ url: databaseUrl, log });
  const { token } = await createToken(opened.db, { name: 'bench', role: 'admin' }, localDoer());
  await opened.close();
  const flags = { port: '0', databaseUrl, natsUrl: nobodyThere, requestsPerSecond: '100000' };
  const control = await startControl(readOptions(controlOptions, flags, {}), log, new AbortController().signal);
  const base = `http://127.0.0.1:${control.port}/api/v1`;
  process.stdout.write(
    '| question | items | p50 ms | p95 ms | max ms | within |\n| --- | --- | --- | --- | --- | --- |\n',
  );
  for (const question of questionsOf(span)) await measure(base, token, question);
  await control.stop();
}

async function measure(base: string, token: string, question: Question): Promise<void> {
  const ask = (path: string): Promise<Answer> => askApi(`${base}${path}`, token);
  const first = await timesOf(() => ask(question.path));
  row(question.name, question.limitMs, first);
  let { next } = first.answer;
  if (question.deep === undefined || next === null) return;
  let path = question.path;
  for (let page = 0; page < deepPages && next !== null; page++) {
    path = `${question.path}&after=${encodeURIComponent(next)}`;
    ({ next } = await ask(path));
  }
  row(`${question.name}, page ${deepPages + 1}`, question.limitMs, await timesOf(() => ask(path)));
}

interface Answer {
  readonly items: number;
  readonly next: string | null;
}

async function askApi(url: string, token: string): Promise<Answer> {
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text}`);
  const { items, fields, next } = answerOf.parse(JSON.parse(text));
  return { items: (items ?? fields ?? []).length, next: next ?? null };
}

async function timesOf(
  ask: () => Promise<Answer>,
): Promise<{ readonly answer: Answer; readonly times: readonly number[] }> {
  const times: number[] = [];
  let answer: Answer = { items: 0, next: null };
  const until = performance.now() + askingMs;
  for (let turn = 0; turn < asks && (turn < asksMin || performance.now() < until); turn++) {
    const begun = performance.now();
    answer = await ask();
    times.push(performance.now() - begun);
  }
  return { answer, times };
}

function row(name: string, limitMs: number, measured: Awaited<ReturnType<typeof timesOf>>): void {
  const { answer, times } = measured;
  const at = (share: number): string => quantile(times, share).toFixed(1);
  const verdict = quantile(times, 1) <= limitMs ? `${limitMs}` : `${limitMs}: NO`;
  const items = `${answer.items}${answer.next === null ? '' : '+'}`;
  process.stdout.write(`| ${name} | ${items} | ${at(0.5)} | ${at(0.95)} | ${at(1)} | ${verdict} |\n`);
}

function print(what: string, result: string): void {
  process.stdout.write(`${what}: ${result}\n`);
}
