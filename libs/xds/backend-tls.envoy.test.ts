// TLS to backends (BackendTLSPolicy): real requests through a real Envoy to backends that speak TLS.
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { backendEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { answerer, startServedGateway } from '#libs/testing/peers/served-gateway.ts';
import { tlsFile } from '#libs/testing/peers/stream-gateway.ts';
import { startTlsBackend } from '#libs/testing/peers/tls-backend.ts';
import { askHttp2 } from '#libs/testing/peers/http-peers.ts';
import type { BackendEntry, BackendTls } from '#libs/snapshot/entry.ts';

const gateway = await startServedGateway(t, { systemAuthorities: tlsFile('backend-ca.crt') });
const secure = await startTlsBackend(t, 'secure');
const secure2 = await startTlsBackend(t, 'secure2', 'http2');

const good = 'ca/eu/ConfigMap/shop/good';
const other = 'ca/eu/ConfigMap/shop/other';
const hostname = 'abc.example.com';

void t.test('whom a backend must be', async (t) => {
  const cases: Readonly<Record<string, readonly [status: string, tls: Partial<BackendTls>]>> = {
    plain: ['secure', {}],
    'other-name': ['secure', { hostname: 'other.example.com' }],
    'wildcard-name': ['secure', { hostname: 'a.wild.example.com' }],
    'wrong-name': ['503', { hostname: 'mismatch.example.com' }],
    'wrong-authority': ['503', { authorities: [other] }],
    'two-authorities': ['secure', { authorities: [other, good] }],
    system: ['secure', { authorities: 'system' }],
    'san-dns': ['secure', { hostname: 'x.test', subjectAltNames: [{ type: 'Hostname', value: hostname }] }],
    'wrong-san-dns': ['503', { subjectAltNames: [{ type: 'Hostname', value: 'dce.example.com' }] }],
    'san-uri': ['secure', { subjectAltNames: [{ type: 'URI', value: 'spiffe://abc.example.com/test-identity' }] }],
    'wrong-san-uri': ['503', { subjectAltNames: [{ type: 'URI', value: 'spiffe://def.example.com/test-identity' }] }],
    'one-of-two': [
      'secure',
      {
        subjectAltNames: [
          { type: 'URI', value: 'spiffe://no' },
          { type: 'Hostname', value: hostname },
        ],
      },
    ],
    'none-of-two': [
      '503',
      {
        subjectAltNames: [
          { type: 'URI', value: 'spiffe://no' },
          { type: 'Hostname', value: 'no.test' },
        ],
      },
    ],
    'no-authority-yet': ['500', { authorities: ['ca/eu/ConfigMap/shop/absent'] }],
    'bad-authority': ['500', { authorities: ['ca/eu/ConfigMap/shop/bad'] }],
    'no-authority': ['500', { authorities: [] }],
    'no-hostname': ['500', { hostname: '' }],
  };
  setAuthority(good, tlsFile('backend-ca.crt'));
  setAuthority(other, tlsFile('other-ca.crt'));
  setAuthority('ca/eu/ConfigMap/shop/bad', 'not a certificate');
  for (const name of Object.keys(cases)) toward(name, secure.port);
  await gateway.serve(
    t,
    ...Object.entries(cases).flatMap(([name, [, tls]]) => [
      tlsBackend(name, { tls: { hostname, authorities: [good], subjectAltNames: [], ...tls } }),
      ruleEntry({ name, matches: [`/${name}`], to: name }),
    ]),
  );
  for (const [name, [expected]] of Object.entries(cases))
    t.equal(await gateway.asked({ path: `/${name}` }), expected, name);
  const answer = await gateway.ask({ host: 'a.example.com', path: '/plain' });
  t.equal(answer.echo?.headers.host, 'a.example.com', 'Host stays as it was');
  const names = new Set(secure.handshakes.map(({ serverName }) => serverName));
  t.ok(names.has(hostname) && names.has('other.example.com') && names.has('x.test'), 'the hostname is the server name');
  t.ok(secure.handshakes.every(({ protocol, client }) => protocol === 'http/1.1' && client === ''));
});

void t.test('what is shown to a backend', async (t) => {
  setAuthority(good, tlsFile('backend-ca.crt'));
  for (const name of ['mutual', 'waiting']) toward(name, secure.port);
  gateway.compiler.setDiscovery([certificate('tls/eu/infra/client', 'client')], ['tls/eu/infra/later']);
  await gateway.serve(
    t,
    tlsBackend('mutual', { clientCertificate: 'tls/eu/infra/client' }),
    tlsBackend('waiting', { clientCertificate: 'tls/eu/infra/later' }),
    ruleEntry({ name: 'mutual', matches: ['/mutual'], to: 'mutual' }),
    ruleEntry({ name: 'waiting', matches: ['/waiting'], to: 'waiting' }),
  );
  t.equal(await gateway.asked({ path: '/mutual' }), 'secure');
  t.equal(secure.handshakes.at(-1)?.client, 'client');
  t.equal(await gateway.asked({ path: '/waiting' }), '500', 'never without the certificate');
  gateway.compiler.setDiscovery([certificate('tls/eu/infra/later', 'client')], []);
  await gateway.push(t);
  t.equal(await gateway.asked({ path: '/waiting' }), 'secure');
  gateway.compiler.setDiscovery([], ['tls/eu/infra/later']);
  await gateway.push(t);
  t.equal(await gateway.asked({ path: '/waiting' }), '500');
});

void t.test('authorities come, change and go', async (t) => {
  toward('turning', secure.port);
  gateway.compiler.setDiscovery([], [good]);
  await gateway.serve(t, tlsBackend('turning'), ruleEntry({ name: 'turning', matches: ['/turning'], to: 'turning' }));
  const expect = async (expected: string, what: string): Promise<void> => {
    await gateway.push(t);
    t.equal(await gateway.asked({ path: '/turning' }), expected, what);
  };
  await expect('500', 'it is not there yet');
  const reasons = gateway.compiler.problems().map(({ key, reason }) => `${key}: ${reason}`);
  t.strictSame(reasons, [`backend/eu/shop/turning/80: the authority ${good} is not there yet`]);
  setAuthority(good, tlsFile('other-ca.crt'));
  await expect('503', 'it is another');
  setAuthority(good, tlsFile('backend-ca.crt'));
  await expect('secure', 'it is right');
  t.strictSame(gateway.compiler.problems(), []);
  setAuthority(good, '');
  await expect('500', 'it is empty');
  setAuthority(good, `comment\n${tlsFile('other-ca.crt')}${tlsFile('backend-ca.crt')}`);
  await expect('secure', 'it is a bundle');
});

void t.test('what is spoken inside', async (t) => {
  setAuthority(good, tlsFile('backend-ca.crt'));
  toward('socket', secure.port);
  toward('shadow', secure.port);
  for (const name of ['h2', 'rpc']) toward(name, secure2.port);
  await gateway.serve(
    t,
    tlsBackend('socket', { protocol: 'websocket' }),
    tlsBackend('h2', { protocol: 'h2c' }),
    tlsBackend('rpc'),
    tlsBackend('shadow', { tls: { hostname: 'other.example.com', authorities: [good], subjectAltNames: [] } }),
    ruleEntry({ name: 'socket', matches: ['/socket'], to: 'socket' }),
    ruleEntry({ name: 'h2', matches: ['/h2'], to: 'h2' }),
    ruleEntry({ name: 'rpc', kind: 'GRPCRoute', matches: ['/rpc'], to: 'rpc' }),
    ruleEntry({
      name: 'shadow',
      matches: ['/shadow'],
      filters: [{ type: 'mirror', backend: { key: backendEntry('shadow')[0] }, numerator: 1, denominator: 1 }],
    }),
  );
  const upgrade = [
    ['Upgrade', 'websocket'],
    ['Connection', 'upgrade'],
  ] as const;
  t.equal((await gateway.ask({ host: 'a.example.com', path: '/socket', headers: upgrade })).status, 101);
  t.equal(await gateway.asked({ path: '/h2' }), 'secure2');
  t.equal(secure2.handshakes.at(-1)?.protocol, 'h2');
  const grpc = { ':method': 'POST', ':authority': 'a.example.com', 'content-type': 'application/grpc', te: 'trailers' };
  t.equal(answerer(await askHttp2(gateway.port, { headers: { ...grpc, ':path': '/rpc' } })), 'secure2');
  const count = secure.handshakes.length;
  t.equal(await gateway.asked({ path: '/shadow' }), 'web');
  await eventually(() => secure.handshakes.length > count);
  t.equal(secure.handshakes.at(-1)?.serverName, 'other.example.com', 'mirrors too');
});

t.end();

function tlsBackend(service: string, entry: Partial<BackendEntry> = {}) {
  return backendEntry(service, { tls: { hostname, authorities: [good], subjectAltNames: [] }, ...entry });
}

function toward(service: string, port: number): void {
  gateway.setEndpoints(service, [{ address: '127.0.0.1', port }]);
}

function setAuthority(key: string, certificates: string): void {
  gateway.compiler.setDiscovery([{ key, item: { kind: 'ca', certificates } }], []);
}

function certificate(key: string, name: string) {
  const item = { kind: 'tls', certificate: tlsFile(`${name}.crt`), key: tlsFile(`${name}.key`) } as const;
  return { key, item };
}
