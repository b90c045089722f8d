// Who may do what, what is refused and how, and the stream of changes.
import t from 'tap';
import { z } from 'zod';
import { readOptions } from '#libs/runtime/config.ts';
import { localDoer } from '#libs/runtime/postgres/deeds.ts';
import { openPostgres } from '#libs/runtime/postgres/postgres.ts';
import { deriveToken } from '#libs/runtime/scoped-token.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { testLogger, throwawayPostgres } from '#libs/testing/peers/throwaway.ts';
import { TokenBook, createToken } from '../access/tokens.ts';
import { startControl } from '../control.ts';
import { controlOptions } from '../options.ts';
import { TestNode, startFixture } from '../testing/control-fixture.ts';
import { ruleEntry } from '../testing/some-entries.ts';
import { base, call } from '../testing/api-client.ts';
import { fillFleet, gateway } from '../testing/fleet-sample.ts';
import { endpointTable } from './endpoint-table.ts';

void t.test('who may do what', async (t) => {
  const fixture = await startFixture(t);
  await fillFleet(fixture);
  for (const endpoint of endpointTable) {
    const path = endpoint.path
      .replace(':cluster', 'eu')
      .replace(':namespace', 'infra')
      .replace(':name', 'web')
      .replace(':kind', 'Gateway')
      .replace(':version', '1')
      .replace(':id', 'none');
    const name = `${endpoint.method} ${endpoint.path}`;
    const body = endpoint.method === 'POST' ? {} : undefined;
    const none = await call(fixture, endpoint.method, path, null, body);
    t.match(none, { status: 401, body: { error: { code: 'unauthorized' } } }, name);
    t.match(none.headers.get('www-authenticate'), /Bearer/);
    for (const role of ['node', 'viewer', 'operator', 'admin'] as const) {
      const order = ['viewer', 'operator', 'admin'];
      const may = order.indexOf(role) >= order.indexOf(endpoint.role);
      const { status, body: answer } = await call(fixture, endpoint.method, path, role, body);
      if (may) t.not(status, 403, `${name} for ${role}`);
      else
        t.match(
          { status, answer },
          { status: 403, answer: { error: { code: 'forbidden', hint: /higher role/ } } },
          `${name} for ${role}`,
        );
    }
  }

  const command = await call(fixture, 'POST', `${base}/gateways/eu/infra/web/rollback`, 'operator', { to: 1 });
  t.match(command, { status: 503, body: { error: { code: 'nats-unreachable', hint: /NATS/ } } }, 'commands need NATS');
});

void t.test('hostile requests', async (t) => {
  const fixture = await startFixture(t);
  const { url, tokens } = fixture;
  await fillFleet(fixture);
  const at = `${base}/gateways/eu/infra/web`;
  const cases: readonly (readonly [method: 'GET' | 'POST', path: string, status: number, body?: unknown])[] = [
    ['POST', `${at}/rollback`, 400, '{'],
    ['POST', `${at}/rollback`, 400, '[]'],
    ['POST', `${at}/rollback`, 400, { to: 0 }],
    ['POST', `${at}/rollback`, 400, { to: 1.5 }],
    ['POST', `${at}/rollback`, 400, { unknown: 1 }],
    ['POST', `${at}/rollback`, 400, { wait: 1e9 }],
    ['POST', `${at}/rollback`, 400, '{"__proto__":{"to":1}}'],
    ['POST', `${at}/release`, 400, { to: 1 }],
    ['POST', `${at}/rollback`, 413, `{"reason":"${'x'.repeat(70_000)}"}`],
    ['POST', `${base}/tokens`, 400, { name: 'x', role: 'root' }],
    ['POST', `${base}/tokens`, 400, { name: 'a\nb', role: 'viewer' }],
    ['GET', `${base}/gateways/EU/infra/web`, 400],
    ['GET', `${base}/gateways/eu/..%2f..%2fetc/web`, 400],
    ['GET', `${base}/gateways/eu/infra/${'x'.repeat(255)}`, 400],
    ['GET', `${base}/gateways/eu/infra/${'x'.repeat(300)}`, 400],
    ['GET', `${base}/gateways/eu/infra/web/snapshots/1e3`, 400],
    ['GET', `${base}/gateways/eu/infra/web/snapshots/99999999999`, 400],
    ['GET', `${base}/gateways?limit=0`, 400],
    ['GET', `${base}/gateways?limit=100000`, 400],
    ['GET', `${base}/gateways?after=%00`, 400],
    ['GET', `${base}/gateways?after=WyJhIl0`, 400],
    ['GET', `${base}/routes?kind=Pod`, 400],
    ['GET', `${base}/routes?gateway=../..`, 400],
    ['GET', `${base}/objects/eu/Secret/%00/x/history`, 400],
    ['GET', `${base}/objects/eu/Pod/a/x/history`, 400],
    ['GET', `${base}/events?after=-1`, 400],
    ['GET', `${base}/events?since=yesterday`, 400],
    ['GET', `${base}/routes?q=%00`, 400],
    ['GET', `${base}/%2e%2e/healthz`, 404],
    ['GET', '/etc/passwd', 404],
    ['GET', '/api/v1', 404],
    ['GET', '/%', 400],
  ];
  for (const [method, path, status, body] of cases) {
    const answer = await call(fixture, method, path, 'admin', body);
    t.equal(
      answer.status,
      status,
      `${method} ${path.slice(0, 80)} ${JSON.stringify(body)?.slice(0, 40) ?? ''}: ${answer.body['error'].message}`,
    );
  }
  const text = await fetch(`${url}${at}/rollback`, {
    method: 'POST',
    body: 'to=1',
    headers: { authorization: `Bearer ${tokens.admin}`, 'content-type': 'text/plain' },
  });
  t.equal(text.status, 415);
  const wrong = { headers: { authorization: 'Bearer guess' } };
  await Promise.all(Array.from({ length: 60 }, () => fetch(`${url}${base}/whoami`, wrong)));
  const guess = await fetch(`${url}${base}/whoami`, { headers: { authorization: `Bearer ${tokens.admin}` } });
  t.equal(guess.status, 200, 'whose token is known goes on');
  const slowed = await fetch(`${url}${base}/whoami`, { headers: { authorization: 'Bearer guess' } });
  t.equal(slowed.status, 429, 'guessing tokens is slowed down');
  t.ok(Number(slowed.headers.get('retry-after')) >= 1);
  for (const path of ['/healthz', '/readyz', '/metrics', '/openapi.json'])
    t.equal((await fetch(`${url}${path}`)).status, 200, `${path} is open`);
});

void t.test('wrong tokens from the same address lock no valid one out', async (t) => {
  const fixture = await startFixture(t);
  const { url, tokens, databaseUrl } = fixture;
  const whoami = async (token: string): Promise<number> => {
    const response = await fetch(`${url}${base}/whoami`, { headers: { authorization: `Bearer ${token}` } });
    await response.arrayBuffer();
    return response.status;
  };
  const guess = (): Promise<readonly number[]> =>
    Promise.all(Array.from({ length: 50 }, (_, n) => whoami(n % 2 === 0 ? `fg_${n}` : `fgn_${n}.x`)));
  const before = await guess();
  t.ok(before.includes(401) && before.includes(429) && !before.includes(200), 'guessing is slowed down');
  // None of these was seen before: nothing but Postgres can tell that they are good.
  const db = openPostgres({ url: databaseUrl, log: testLogger() });
  t.teardown(() => db.close());
  const late = await createToken(db.db, { name: 'late', role: 'viewer' }, localDoer());
  const provisioner = await createToken(db.db, { name: 'agent', role: 'provisioner' }, localDoer());
  const derived = deriveToken(provisioner.token, { node: 'n', serves: ['*/*/*'] });
  const valid = [tokens.viewer, tokens.operator, tokens.admin, late.token];
  const guesses = guess();
  t.same(await Promise.all(valid.map(whoami)), [200, 200, 200, 200]);
  t.equal(await whoami(derived), 403, 'a derived token is known: its role is refused, and not its address');
  t.ok((await guesses).includes(429));
});

void t.test('a thousand guesses at once are few statements', async (t) => {
  const { url } = await throwawayPostgres(t);
  const postgres = openPostgres({ url, log: testLogger() });
  const { pool, db } = postgres;
  t.teardown(() => postgres.close());
  let statements = 0;
  pool.on('acquire', () => {
    statements += 1;
  });
  const { token } = await createToken(db, { name: 'one', role: 'viewer' }, localDoer());
  const book = new TokenBook(db);
  statements = 0;
  const answers = await Promise.all(
    Array.from({ length: 1000 }, (_, n) => book.verify(n === 500 ? token : `${n % 2 === 0 ? 'fg_' : 'fgn_'}${n}`)),
  );
  t.strictSame(
    answers.flatMap((caller, n) => (caller === undefined ? [] : [[n, caller.name]])),
    [[500, 'one']],
  );
  t.ok(statements <= 4, `${statements} statements`);
});

const streamed = z.object({ all: z.boolean(), items: z.array(z.record(z.string(), z.any())) });

void t.test('changes come as they happen', async (t) => {
  const fixture = await startFixture(t);
  const { url, tokens, writer } = fixture;
  await fillFleet(fixture);
  const abort = new AbortController();
  const response = await fetch(`${url}${base}/changes`, {
    headers: { authorization: `Bearer ${tokens.viewer}` },
    signal: abort.signal,
  });
  t.equal(response.headers.get('content-type'), 'text/event-stream');
  const events: { event: string; data: z.output<typeof streamed> }[] = [];
  const reading = (async () => {
    let text = '';
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString('utf8');
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      for (const part of parts) {
        const [, event = '', data = ''] = /^event: (\w+)\ndata: (.*)$/.exec(part) ?? [];
        if (event !== '') events.push({ event, data: streamed.parse(JSON.parse(data)) });
      }
    }
  })().catch(() => undefined);
  await eventually(() => events.length >= 3);
  t.same(
    events.map(({ event, data }) => [event, data.all]),
    [
      ['clusters', true],
      ['gateways', true],
      ['nodes', true],
    ],
  );
  await writer.commit({ gateways: [{ gateway, entries: { x: ruleEntry('x', '/x', 'b') } }] });
  await eventually(() =>
    events.some(({ event, data }) => event === 'gateways' && !data.all && data.items[0]?.['serving'] === 4),
  );
  const node = new TestNode('n9');
  await node.connect(fixture.control.port, tokens.node);
  await node.serves(gateway, 4);
  await eventually(() =>
    events.some(
      ({ event, data }) =>
        event === 'nodes' && data.items.some((item) => item['node'] === 'n9' && item['gateways'][0]?.version === 4),
    ),
  );
  await eventually(() =>
    events.some(
      ({ event, data }) =>
        event === 'gateways' && data.items[0]?.['nodes'].connected === 3 && data.items[0]?.['nodes'].applied === 1,
    ),
  );
  t.pass('commits and reports');
  await node.disconnect();
  abort.abort();
  await reading;
});

void t.test('from start to stop', async (t) => {
  const fixture = await startFixture(t);
  await fillFleet(fixture);
  const { port } = fixture.control;
  await t.rejects(start(fixture.databaseUrl, port), { name: 'FleetgateError', code: 'port-in-use' });
  const { url: empty } = await throwawayPostgres(t, { schema: 'none' });
  await t.rejects(start(empty, 0), { name: 'FleetgateError', code: 'schema-version' });

  const node = new TestNode('n9');
  await node.connect(port, fixture.tokens.node);
  await node.serves(gateway, 3);
  const changes = await fetch(`${fixture.url}${base}/changes`, {
    headers: { authorization: `Bearer ${fixture.tokens.viewer}` },
  });
  const text = changes.text();
  await fixture.control.stop();
  await eventually(() => node.closed?.code === 1001);
  t.match(await text, /event: clusters/, 'streams end');
  await t.rejects(fetch(`${fixture.url}/healthz`));
  const { rows } = await fixture.writer.pool.query(
    `select r.version, n.connected from node_gateways r join nodes n using (node) where node = 'n9'`,
  );
  t.same(rows, [{ version: 3, connected: true }], 'what nodes said is stored; they are not called gone');
});

function start(databaseUrl: string, port: number): Promise<unknown> {
  const flags = { port: String(port), databaseUrl, natsUrl: 'nats://127.0.0.1:9' };
  return startControl(readOptions(controlOptions, flags, {}), testLogger(), new AbortController().signal);
}
