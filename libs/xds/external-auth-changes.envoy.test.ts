// Rules that ask for consent while things change, and by every way in which a rule is found: nothing is served without
// the consent that is wanted, nothing is refused by Envoy, and no connection is drained.
import t from 'tap';
import { backendEntry, ruleEntry, type RuleOptions } from '#libs/testing/given/entries.ts';
import { external, says, startAskedGateway } from '#libs/testing/peers/asked-gateway.ts';
import { openConnection } from '#libs/testing/peers/http-peers.ts';
import { tlsFile } from '#libs/testing/peers/stream-gateway.ts';
import { startTlsBackend } from '#libs/testing/peers/tls-backend.ts';
import type { BackendTls, ExternalAuth } from '#libs/snapshot/entry.ts';

const asked = await startAskedGateway(t);
const { gateway, services } = asked;

function protectedBy(auth: ExternalAuth, more: RuleOptions = {}): RuleOptions {
  return { name: 'private', filters: [auth], ...more };
}

void t.test('however a rule is found, it is protected', async (t) => {
  const hosts = ['a.example.com', '*.example.com', '*'];
  for (const host of hosts) {
    await asked.serve(t, protectedBy(external('http'), { hosts: [host] }));
    for (const asked of ['a.example.com', 'A.Example.com', 'a.example.com:80', 'a.example.com.'])
      t.equal((await gateway.ask({ host: asked, headers: says(401) })).status, 401, `${host}, asked for ${asked}`);
  }
  await asked.serve(
    t,
    { name: 'four', matches: ['/4'], filters: Array.from({ length: 4 }, () => external('http')) },
    { name: 'five', matches: ['/5'], filters: Array.from({ length: 5 }, () => external('http')) },
  );
  const count = services.http.asked.length;
  t.equal(await gateway.asked({ path: '/4' }), 'web');
  t.equal(services.http.asked.length, count + 4);
  t.equal(await gateway.asked({ path: '/5' }), '500', 'more than there are places for');
});

void t.test('no connection is drained when consent is wanted, changes and is no longer wanted', async (t) => {
  await asked.serve(t, { name: 'private' });
  const connection = await openConnection(gateway.port);
  const counters = async (): Promise<string> =>
    gateway.envoy.admin('/stats?filter=^listener_manager|downstream_cx_drain');
  const before = await counters();
  const stages: readonly (readonly [RuleOptions, string])[] = [
    [protectedBy(external('http')), '401'],
    [protectedBy(external('http', { allowedHeaders: [] })), '200'],
    [protectedBy(external('grpc')), '401'],
    [{ name: 'private' }, '200'],
  ];
  for (const [rule, expected] of stages) {
    await asked.serve(t, rule);
    const { status, headers } = await connection.ask({ host: 'a.example.com', headers: says(401) });
    t.equal(`${status}`, expected);
    t.not(headers['connection'], 'close');
  }
  t.equal(await counters(), before, 'no counter of a listener moved');
  connection.close();
});

void t.test('what Envoy would refuse never gets there', async (t) => {
  const hostile: readonly Partial<ExternalAuth>[] = [
    { allowedHeaders: ['bad name'] },
    { allowedHeaders: [''] },
    { allowedHeaders: ['\0'] },
    { allowedHeaders: ['x'.repeat(5000)] },
    { allowedHeaders: Array.from({ length: 5000 }, (_, index) => `x-${index}`) },
    { allowedResponseHeaders: ['a\r\nb: c'] },
    { allowedResponseHeaders: [':path'] },
    { pathPrefix: '/a b' },
    { pathPrefix: '/a?b' },
    { pathPrefix: '/\n' },
    { pathPrefix: '/x'.repeat(50_000) },
    { bodyMax: -1 },
    { bodyMax: 0.5 },
    { bodyMax: Number.NaN },
    { bodyMax: 2 ** 32 },
    { backend: { key: '' } },
    { backend: { key: 'backend/eu/shop/!/80' } },
  ];
  await asked.serve(
    t,
    ...hostile.map((more, index) =>
      protectedBy(external('http', more), { name: `h${index}`, matches: [`/h${index}`] }),
    ),
    { name: 'neighbour', matches: ['/neighbour'] },
  );
  for (const index of hostile.keys()) t.equal(await gateway.asked({ path: `/h${index}` }), '500', `${index}`);
  t.equal(await gateway.asked({ path: '/neighbour' }), 'web');
  t.equal(new Set(gateway.compiler.problems().map(({ key }) => key)).size, hostile.length);
});

void t.test('clusters of services come and go with the rules that ask', async (t) => {
  const clusters = (): readonly string[] =>
    [...gateway.compiler.tables().cluster.keys()].filter((one) => /auth/.test(one));
  await asked.serve(t, { name: 'private' });
  t.notOk(clusters().some((name) => name.endsWith('/h2c')));
  await asked.serve(t, protectedBy(external('grpc')));
  t.ok(clusters().includes('eu/shop/auth-grpc/80/h2c'));
  await gateway.serve(t, ruleEntry(protectedBy(external('grpc'))));
  t.equal(await gateway.asked({}), '500', 'without the entry of the service there is nobody to ask');
  t.strictSame(clusters(), []);
  await asked.serve(t, protectedBy(external('grpc')));
  t.equal(await gateway.asked({}), 'web');
});

void t.test('a service that is asked over TLS must be who its policy says', async (t) => {
  const service = await startTlsBackend(t, 'auth');
  const authorities = ['ca/eu/ConfigMap/shop/good'];
  const certificates = tlsFile('backend-ca.crt');
  gateway.compiler.setDiscovery([{ key: authorities[0] ?? '', item: { kind: 'ca', certificates } }], []);
  gateway.setEndpoints('auth-tls', [{ address: '127.0.0.1', port: service.port }]);
  const backend = { key: backendEntry('auth-tls')[0] };
  const over = async (tls: Partial<BackendTls>): Promise<string> => {
    const policy = { hostname: 'abc.example.com', authorities, subjectAltNames: [], ...tls };
    await asked.serveEntries(
      t,
      backendEntry('auth-tls', { tls: policy }),
      ruleEntry(protectedBy(external('http', { backend }))),
    );
    return gateway.asked({});
  };
  t.equal(await over({}), 'web');
  t.equal(service.handshakes.at(-1)?.serverName, 'abc.example.com');
  t.equal(await over({ hostname: 'elsewhere.example.com' }), '403', 'it is another: it has not consented');
  t.equal(await over({ authorities: ['ca/eu/ConfigMap/shop/absent'] }), '500', 'nobody can say who it is');
  t.equal(await over({}), 'web');
});

t.end();
