// What headers of clients and backends get through: names with '_', and many of them, over every HTTP version.
import { createServer } from 'node:http';
import { connect } from 'node:http2';
import t from 'tap';
import { backendEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { listenFor } from '#libs/testing/peers/listening.ts';
import { startServedGateway } from '#libs/testing/peers/served-gateway.ts';
import type { HttpFilter } from '#libs/snapshot/entry.ts';

const gateway = await startServedGateway(t);
const host = 'a.example.com';

void t.test("names with '_' are names", async (t) => {
  const filter: HttpFilter = {
    type: 'request-headers',
    set: [{ name: 'gw_added', value: '1' }],
    add: [],
    remove: ['drop_me'],
  };
  const tenant = { type: 'Exact', name: 'tenant_id', value: 'gold' } as const;
  await gateway.serve(
    t,
    ruleEntry({ name: 'gold', matches: [{ headers: [tenant] }], to: 'api' }),
    ruleEntry({ name: 'rest', filters: [filter] }),
    ruleEntry({ name: 'grpc', kind: 'GRPCRoute', hosts: ['grpc.test'], matches: [{ headers: [tenant] }], to: 'grpc' }),
  );
  const matched = await gateway.ask({ host, headers: [['tenant_id', 'gold']] });
  t.strictSame([matched.echo?.backend, matched.echo?.headers['tenant_id']], ['api', 'gold']);
  const sent = [
    ['Api_Key', 'k'],
    ['drop_me', 'x'],
    ['gw_added', 'x'],
    ['tenant_id', 'tin'],
  ] as const;
  const rest = await gateway.ask({ host, headers: sent });
  const { backend, headers } = rest.echo ?? { backend: '', headers: {} };
  t.equal(backend, 'web');
  t.match(headers, { api_key: 'k', tenant_id: 'tin', gw_added: '1' });
  t.notOk('drop_me' in headers);
  t.equal(await overHttp2({ api_key: 'k', tenant_id: 'gold' }), '200 api');
  t.equal(await overHttp2({ ':authority': 'grpc.test', tenant_id: 'gold' }), '200 grpc');
});

void t.test('imitations of what the gateway vouches for are dropped', async (t) => {
  await gateway.serve(t, ruleEntry({ name: 'rest' }));
  const imitations = [
    'X_Forwarded_For',
    'x_forwarded-proto',
    'x-forwarded_proto',
    'x_forwarded-client_cert',
    'Content_Length',
  ];
  const answer = await gateway.ask({ host, headers: imitations.map((name) => [name, '9']) });
  const seen = Object.keys(answer.echo?.headers ?? {}).filter((name) => name.includes('_'));
  t.strictSame([answer.status, seen], [200, []]);
  t.equal(answer.echo?.headers['x-forwarded-proto'], 'http');
});

void t.test('as many headers over HTTP/1.1 as over HTTP/2', async (t) => {
  await gateway.serve(t, ruleEntry({ name: 'rest' }));
  for (const count of [97, 120, 900]) {
    const cookie = cookies(count);
    t.equal(await overHttp2({ cookie }), '200 web', `${count} cookies over HTTP/2`);
    const joined = await gateway.ask({ host, headers: [['cookie', cookie.join('; ')]] });
    t.equal(joined.status, 200, `${count} cookies over HTTP/1.1`);
    const single = await gateway.ask({ host, headers: cookie.map((value, index) => [`x-${index}`, value]) });
    t.equal(single.status, 200, `${count} headers over HTTP/1.1`);
  }
  const tooMany = await gateway.ask({ host, headers: cookies(1100).map((value, index) => [`x-${index}`, value]) });
  t.equal(tooMany.status, 431, 'there is a limit');
  t.not(await overHttp2({ cookie: cookies(1100) }), '200 web');
});

void t.test('as many headers from backends', async (t) => {
  const talkative = createServer((request, response) => {
    const count = Number(new URL(request.url ?? '', 'http://talkative').searchParams.get('count'));
    for (let index = 0; index < count; index += 1) response.appendHeader('set-cookie', `c${index}=v`);
    response.end();
  });
  const port = await listenFor(t, talkative);
  await gateway.serve(t, backendEntry('talkative'), ruleEntry({ name: 'rest', to: 'talkative' }));
  gateway.setEndpoints('talkative', [{ address: '127.0.0.1', port }]);
  await gateway.push(t);
  for (const count of [97, 120, 900])
    t.equal((await gateway.ask({ host, path: `/?count=${count}` })).status, 200, `${count} headers in an answer`);
  t.equal((await gateway.ask({ host, path: '/?count=1100' })).status, 502, 'there is a limit');
  talkative.closeAllConnections();
});

t.end();

function cookies(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `c${index}=v`);
}

/** Status and backend, or the error of the stream. */
function overHttp2(headers: Readonly<Record<string, string | string[]>>): Promise<string> {
  return new Promise((resolve) => {
    const session = connect(`http://127.0.0.1:${gateway.port}`);
    const end = (text: string): void => {
      session.close();
      resolve(text);
    };
    session.on('error', (error) => end(String(error)));
    const stream = session.request({ ':path': '/', ':authority': host, ...headers });
    let status = '';
    let body = '';
    stream.on('response', (found) => (status = String(found[':status'])));
    stream.on('data', (data: Buffer) => (body += data.toString()));
    stream.on('error', (error) => end(String(error)));
    stream.on('end', () => end(`${status} ${body.startsWith('{') ? JSON.parse(body).backend : ''}`));
    stream.end();
  });
}
