// Requests on a connection that was made for another host: the cases of
// httproute-https-listener-detect-misdirected-requests.go, over HTTP/1.1 and HTTP/2. 421 tells the client to make
// another connection; 404 stays what nobody serves.
import t from 'tap';
import { backendEntry, listenerEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { askHttp2, askTls, freePort, startBackend } from '#libs/testing/peers/http-peers.ts';
import { startStreamGateway } from '#libs/testing/peers/stream-gateway.ts';
import type { Entry } from '#libs/snapshot/entry.ts';

const gateway = await startStreamGateway(t);
const port = await freePort();
const wild = 'third-example.wildcard.org';
const fourth = 'fourth-example.wildcard.org';

const cases: readonly (readonly [serverName: string, host: string, expected: string])[] = [
  ['example.org', 'example.org', 'v1'],
  ['example.org', 'second-example.org', '421'],
  ['example.org', 'unknown-example.org', '404'],
  ['second-example.org', 'second-example.org', 'v2'],
  ['second-example.org', 'example.org', '421'],
  ['second-example.org', 'unknown-example.org', '421'],
  [wild, wild, 'v3'],
  [wild, 'fith-example.wildcard.org', 'v3'],
  [wild, fourth, '421'],
  [wild, 'second-example.org', '421'],
  [wild, 'unknown-example.org', '421'],
  [fourth, fourth, 'v4'],
  [fourth, 'fith-example.wildcard.org', '421'],
  ['unknown-example.org', 'example.org', 'v1'],
  ['unknown-example.org', 'unknown-example.org', '404'],
  // Beyond the suite: another spelling is the same host.
  ['example.org', 'Second-Example.org:443', '421'],
  ['second-example.org', 'Second-Example.org.:443', 'v2'],
  [wild, 'Fith-Example.WILDCARD.org', 'v3'],
];

void t.test('each connection gets what its listener serves', async (t) => {
  for (const name of ['v1', 'v2', 'v3', 'v4']) gateway.setEndpoints(name, (await startBackend(t, name)).port);
  gateway.setCertificate('default');
  const listeners = { any: '*', second: 'second-example.org', wild: '*.wildcard.org', fourth };
  await gateway.serve(
    t,
    ...Object.entries(listeners).map(([name, hostname]) =>
      listenerEntry({ name, port, protocol: 'HTTPS', hostname, certificates: ['tls/eu/infra/default'] }),
    ),
    ...route('v1', 'any', 'example.org'),
    ...route('v2', 'second', 'second-example.org'),
    ...route('v3', 'wild', '*.wildcard.org'),
    ...route('v4', 'fourth', fourth),
  );
  for (const [serverName, host, expected] of cases) {
    const what = `${host} on a connection for ${serverName}`;
    const http1 = await askTls(port, serverName, { host });
    t.equal(http1?.echo?.backend ?? `${http1?.status}`, expected, `${what}, HTTP/1.1`);
    const headers = { ':authority': host, ':path': '/' };
    const http2 = await askHttp2(port, { servername: serverName, headers });
    t.equal(http2.echo?.backend ?? `${http2.status}`, expected, `${what}, HTTP/2`);
  }
});

t.end();

function route(service: string, listener: string, hostname: string): readonly (readonly [string, Entry])[] {
  return [backendEntry(service), ruleEntry({ name: service, hosts: [[listener, hostname]], to: service })];
}
