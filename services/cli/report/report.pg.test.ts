// `fleetgate report` and `fleetgate watch` as processes of their own, against real services: what they tell of changes
// whose names and reasons mean harm, samples that are drawn again, and a watch whose control goes away and comes back.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { z } from 'zod';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { localDoer } from '#libs/runtime/postgres/deeds.ts';
import { openPostgres } from '#libs/runtime/postgres/postgres.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { testLogger } from '#libs/testing/peers/throwaway.ts';
import { createToken } from '../../control/access/tokens.ts';
import { TestNode, startReplica } from '../../control/testing/control-fixture.ts';
import * as shop from '../../projector/testing/shop.ts';
import { TestWriter } from '../../projector/testing/test-writer.ts';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));
const hostile = `=HYPERLINK("http://evil.example")<script>alert(1)</script>&"'\n\u202E;--`;
const reportJson = z.object({
  total: z.number(),
  counts: z.record(z.string(), z.record(z.string(), z.number())),
  changes: z.array(z.looseObject({ event: z.looseObject({ seq: z.string() }), outcome: z.string() })),
});
const watchedLine = z.looseObject({ type: z.string() });

async function fleet(t: Test) {
  const db = await TestWriter.open(t);
  const postgres = openPostgres({ url: db.url, log: testLogger() });
  const { token } = await createToken(postgres.db, { name: 'auditor', role: 'viewer' }, localDoer());
  const { token: nodeToken } = await createToken(postgres.db, { name: 'node', role: 'node' }, localDoer());
  await postgres.close();
  const control = await startReplica(t, db.url);
  const start = (...args: readonly string[]): ChildProcess => {
    const env = { ...process.env, FLEETGATE_URL: `http://127.0.0.1:${control.port}`, FLEETGATE_TOKEN: token };
    const child = spawn(process.execPath, [main, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    t.teardown(() => child.kill('SIGKILL'));
    return child;
  };
  const run = async (...args: readonly string[]): Promise<string> => {
    const child = start(...args);
    if (child.stdout === null || child.stderr === null) throw new Error('no output');
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
    if (code !== 0) throw new Error(`exit code ${String(code)}: ${err}`);
    return out;
  };
  const node = new TestNode('n1');
  await node.connect(control.port, nodeToken);
  return { db, control, node, start, run };
}

function withReason(event: ChangeEvent): ChangeEvent {
  if (event.object === null) return event;
  const annotations = { 'fleetgate.dev/reason': hostile, 'fleetgate.dev/ticket': '@SUM(1)' };
  const object = { ...event.object, metadata: { ...event.object.metadata, annotations } };
  return { ...event, actor: { manager: hostile, operation: 'Update' }, object };
}

void t.test('a report in each form', async (t) => {
  const { db, node, run } = await fleet(t);
  await db.append(...shop.platform(), shop.route('a', 1));
  await node.serves(shop.gateway, 1);
  await db.append(withReason(shop.route('a', 2)));
  await node.serves(shop.gateway, 2);
  await db.decide(shop.command({ type: 'rollback', to: 1 }));
  await node.serves(shop.gateway, 3);
  await eventually(async () => (await db.rows('select 1 from version_applications where version = 3')).length > 0);

  t.match(await run('at', `${shop.gateway}@2`, 'gateways'), /eu\/infra\/web +2 +live/);
  t.match(await run('at', '4', 'routes'), /shop\/a +a\.example\.com +1 +eu\/infra\/web@1/);
  t.match(await run('at', '#5', 'explain', 'GET', 'http://a.example.com/v2'), /Service shop\/shop port 80/);
  await t.rejects(run('at', '0s', 'routes', '--sni', 'x'), /--sni: not an option of `at TIME routes`/);
  await t.rejects(run('at', '#999', 'routes'), /has no #999/);

  const html = await run('report', '--since', '1h');
  t.notMatch(html, /<script|<img|javascript:|http:\/\/evil[^&]*"/i);
  t.match(html, '&#60;script&#62;');
  t.notMatch(html, '\u202E');
  t.match(html, "default-src 'none'");
  t.match(html, /eu\/infra\/web@3 at .* by .*: a test/);
  t.match(html, 'of 6');

  const csv = await run('report', '--since', '1h', '--format', 'csv');
  t.match(csv, /"'=HYPERLINK\(""http/, 'no formula');
  t.match(csv, /'@SUM\(1\)/);
  t.notMatch(csv, /(^|,)"?[=+@]/m, 'no cell begins as a formula');

  const json = reportJson.parse(JSON.parse(await run('report', '--since', '1h', '--format', 'json')));
  t.equal(json.total, 6);
  t.equal(json.changes.length, 6);
  t.match(json.counts['outcome'], { 'rolled back': 1, done: 1 });

  const sample = (): Promise<string> =>
    run('report', '--since', '1h', '--until', '0s', '--format', 'json', '--sample', '2', '--seed', 'x');
  const drawn = [reportJson.parse(JSON.parse(await sample())), reportJson.parse(JSON.parse(await sample()))];
  t.equal(drawn[0]?.total, 2);
  t.same(drawn[0]?.changes, drawn[1]?.changes, 'drawn again');
  await t.rejects(run('report', '--since', '1h', '--sample', '2'), /--sample and --seed go together/);
  await t.rejects(run('report'), /--since/);
});

void t.test('a watch loses and repeats nothing while control is away', async (t) => {
  const { db, control, node, start } = await fleet(t);
  await db.append(...shop.platform(), shop.route('a', 1));
  await node.serves(shop.gateway, 1);
  const child = start('watch', '--since', '1h', '--output', 'json');
  const lines: z.output<typeof watchedLine>[] = [];
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    const parts = (rest + chunk).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts.map((line) => watchedLine.parse(JSON.parse(line))));
  });
  const of = (type: string): readonly z.output<typeof watchedLine>[] => lines.filter((line) => line.type === type);
  await eventually(() => of('applied').length === 1);
  t.match(of('applied'), [{ gateway: shop.gateway, version: 1, nodes: 1 }]);

  await db.append(shop.route('a', 2));
  await node.serves(shop.gateway, 2);
  await eventually(() => of('applied').length === 2);
  t.match(of('applied')[1], { version: 2, nodes: 1 });
  t.type(of('applied')[1]?.['ms'], 'number');

  node.mood = 'reject';
  await db.append(shop.route('a', 3));
  await eventually(() => of('refused').length === 1);
  t.match(of('refused'), [{ version: 3, reasons: ['mood'] }]);

  await control.stop();
  for (let version = 4; version < 20; version += 1) await db.append(shop.route('b', version));
  await startReplica(t, db.url, undefined, { port: String(control.port) });
  await db.append(withReason(shop.route('c', 20)));
  const seqs = (): readonly number[] =>
    of('event').map(({ event }) => Number(z.looseObject({ seq: z.string() }).parse(event).seq));
  const [last] = await db.rows<{ seq: string }>('select max(seq) as seq from events');
  await eventually(() => seqs().at(-1) === Number(last?.seq), { timeoutMs: 20_000 });
  t.same(
    seqs(),
    [...new Set(seqs())].toSorted((a, b) => a - b),
    'none twice, in order',
  );
  const stored = await db.rows<{ seq: string }>('select seq from events order by seq');
  t.same(
    seqs(),
    stored.map(({ seq }) => Number(seq)),
    'none is missing',
  );

  const ended = once(child, 'exit');
  child.kill('SIGINT');
  t.same(await ended, [0, null], 'ends by Ctrl-C');
});
