// Streams through a real Envoy: TLS passed through and terminated, TCP, UDP; who gets a connection, and what stays when
// rules change.
import { once } from 'node:events';
import { createServer } from 'node:net';
import t from 'tap';
import { backendEntry, listenerEntry, ruleEntry, streamRuleEntry } from '#libs/testing/given/entries.ts';
import { answerer } from '#libs/testing/peers/served-gateway.ts';
import { askTls, freePort, startBackend } from '#libs/testing/peers/http-peers.ts';
import { startStreamGateway, tlsFile, tlsListener } from '#libs/testing/peers/stream-gateway.ts';
import {
  askDatagram,
  askStream,
  openDatagrams,
  openStream,
  startDatagramBackend,
  startStreamBackend,
} from '#libs/testing/peers/stream-peers.ts';

const gateway = await startStreamGateway(t);
const own = { cert: tlsFile('exact.crt'), key: tlsFile('exact.key') };
const [secure, plain, dual] = [await freePort(), await freePort(), await freePort()];

const tls = (name: string, hosts: Parameters<typeof streamRuleEntry>[0]['hosts'], to: Record<string, number>) =>
  streamRuleEntry({ kind: 'TLSRoute', name, hosts, to });

const tcp = (to: Record<string, number>, createdAt?: string) =>
  streamRuleEntry({ hosts: ['tcp'], to, ...(createdAt === undefined ? {} : { createdAt, name: 'newer' }) });

const udp = (to: Record<string, number>) => streamRuleEntry({ kind: 'UDPRoute', hosts: ['udp'], to });

async function count(times: number, askOnce: () => Promise<string>): Promise<Readonly<Record<string, number>>> {
  const answers: Record<string, number> = {};
  for (let index = 0; index < times; index++) {
    const answer = (await askOnce()).split(' ')[0] ?? '';
    answers[answer] = (answers[answer] ?? 0) + 1;
  }
  return answers;
}

/** Shares begin anywhere in their turn: a few off is exact. */
function isNear(answers: Readonly<Record<string, number>>, expected: Readonly<Record<string, number>>): boolean {
  return (
    Object.keys(answers).every((name) => name in expected) &&
    Object.entries(expected).every(([name, count]) => Math.abs((answers[name] ?? 0) - count) <= 2)
  );
}

for (const name of ['web', 'api', 'db']) gateway.setEndpoints(name, (await startStreamBackend(t, name)).port);
gateway.setEndpoints('own', (await startStreamBackend(t, 'own', own)).port);
gateway.setEndpoints('other', (await startStreamBackend(t, 'other', own)).port);
const backendTls = { cert: tlsFile('backend.crt'), key: tlsFile('backend.key') };
for (const name of ['secret', 'wrong'])
  gateway.setEndpoints(name, (await startStreamBackend(t, 'encrypted', backendTls)).port);
for (const name of ['dns', 'ntp']) gateway.setEndpoints(`${name}/udp`, (await startDatagramBackend(t, name)).port);
gateway.setEndpoints('http', (await startBackend(t, 'http')).port);
for (const name of ['exact', 'wildcard', 'default']) gateway.setCertificate(name);
const backends = ['web', 'api', 'db', 'own', 'other', 'http', 'empty'].map((name) => backendEntry(name));
const datagrams = ['dns', 'ntp', 'none'].map((name) => backendEntry(name, { protocol: 'udp' }));

void t.test('TLS is passed through by server name', async (t) => {
  await gateway.serve(
    t,
    ...backends,
    tlsListener('exact', secure, 'a.example.com'),
    tlsListener('wide', secure, '*.example.com'),
    tls('exact', [['exact', 'a.example.com']], { own: 1 }),
    tls('narrow', [['wide', 'b.example.com']], { other: 1 }),
    tls('wide', [['wide', '*.x.example.com']], { own: 1 }),
    // Belongs to a more specific listener.
    tls('isolated', [['wide', 'a.example.com']], { other: 1 }),
  );
  const cases: readonly (readonly [servername: string | undefined, answer: string])[] = [
    ['a.example.com', 'own for a.example.com hello'],
    ['A.Example.com', 'own for A.Example.com hello'],
    ['b.example.com', 'other for b.example.com hello'],
    ['c.x.example.com', 'own for c.x.example.com hello'],
    ['c.d.x.example.com', 'own for c.d.x.example.com hello'],
    ['c.example.com', 'refused'],
    ['elsewhere.test', 'refused'],
    [undefined, 'refused'],
  ];
  for (const [servername, answer] of cases)
    t.equal(await askStream(secure, servername === undefined ? {} : { servername }), answer, servername ?? 'none');
  t.equal(await askStream(secure), 'closed', 'no TLS');
  t.strictSame(gateway.problems(), []);
});

void t.test('any server name, or none', async (t) => {
  await gateway.serve(
    t,
    ...backends,
    tlsListener('any', secure, '*'),
    tls('any', [['any', '*']], { own: 1 }),
    tls('narrow', [['any', '*.com']], { other: 1 }),
  );
  t.equal(await askStream(secure, {}), 'own for false hello');
  t.equal(await askStream(secure, { servername: 'x.test' }), 'own for x.test hello');
  t.equal(await askStream(secure, { servername: 'x.com' }), 'other for x.com hello');
  t.equal(await askStream(secure), 'closed', 'no TLS');
});

void t.test('terminated, passed through and HTTPS on one port', async (t) => {
  await gateway.serve(
    t,
    ...backends,
    tlsListener('inside', secure, 'a.example.com', ['exact']),
    tlsListener('through', secure, 'b.example.com'),
    tlsListener('waiting', secure, 'w.example.com', ['absent']),
    listenerEntry({
      name: 'https',
      port: secure,
      protocol: 'HTTPS',
      hostname: '*',
      certificates: ['tls/eu/infra/default'],
    }),
    tls('inside', [['inside', 'a.example.com']], { web: 1 }),
    tls('through', [['through', 'b.example.com']], { own: 1 }),
    tls('waiting', [['waiting', 'w.example.com']], { web: 1 }),
    ruleEntry({ hosts: [['https', '*']], to: 'http' }),
  );
  t.equal(await askStream(secure, { servername: 'a.example.com' }), 'web hello');
  t.equal(await askStream(secure, { servername: 'b.example.com' }), 'own for b.example.com hello');
  t.equal(await askStream(secure, { servername: 'w.example.com' }), 'refused', 'no certificate');
  const asked = async (servername: string, host: string): Promise<string> => {
    const answer = await askTls(secure, servername, { host });
    return answer === undefined ? 'refused' : answerer(answer);
  };
  t.equal(await asked('c.test', 'c.test'), 'http');
  t.equal(await asked('c.test', 'a.example.com'), '421', 'a host of another listener');
  t.strictSame(gateway.problems(), ['listener/waiting: the certificate tls/eu/infra/absent is not there yet']);
});

void t.test('terminated and encrypted anew', async (t) => {
  const policy = { hostname: 'abc.example.com', authorities: ['ca/eu/ConfigMap/infra/ca'], subjectAltNames: [] };
  const secret = backendEntry('secret', { tls: policy });
  const wrong = backendEntry('wrong', { tls: { ...policy, hostname: 'elsewhere.test' } });
  const listeners = [
    tlsListener('inside', secure, 'a.example.com', ['exact']),
    tlsListener('through', secure, 'b.example.com'),
  ];
  const through = tls('through', [['through', 'b.example.com']], { secret: 1 });
  const served = (to: Record<string, number>) =>
    gateway.serve(t, ...backends, secret, wrong, ...listeners, through, tls('in', [['inside', 'a.example.com']], to));
  const asked = (): Promise<string> => askStream(secure, { servername: 'a.example.com' });
  const shares = (times: number): Promise<Readonly<Record<string, number>>> =>
    count(times, async () => (await asked()).replace(/^(refused|closed)$/, 'none'));
  await served({ secret: 1 });
  t.equal(await asked(), 'refused', 'its authority is not there');
  gateway.setAuthority('ca', tlsFile('backend-ca.crt'));
  await gateway.push(t);
  t.equal(await asked(), 'encrypted for abc.example.com hello');
  t.equal(await askStream(secure, { servername: 'b.example.com' }), 'encrypted for b.example.com hello');
  await served({ secret: 1, web: 1, wrong: 2 });
  t.ok(isNear(await shares(20), { encrypted: 5, web: 5, none: 10 }), 'each in its own way');
  gateway.setAuthority('ca', 'nonsense');
  await gateway.push(t);
  t.ok(isNear(await shares(20), { web: 5, none: 15 }), 'never in plain text instead');
});

void t.test('TCP: shares are exact, a rule that changes keeps its connections', async (t) => {
  const listener = listenerEntry({ name: 'tcp', port: plain, protocol: 'TCP' });
  await gateway.serve(t, ...backends, listener);
  t.equal(await askStream(plain), 'closed', 'no rule');
  await gateway.serve(t, ...backends, listener, tcp({ web: 7, api: 3, db: 0 }), tcp({ db: 1 }, '2024-01-01T00:00:00Z'));
  t.ok(isNear(await count(100, () => askStream(plain)), { web: 70, api: 30 }));
  await gateway.serve(t, ...backends, listener, tcp({ web: 1, '!no such Service': 1, empty: 2 }));
  t.ok(isNear(await count(40, () => askStream(plain)), { web: 10, closed: 30 }), 'shares of nobody are closed');
  await gateway.serve(t, ...backends, listener, tcp({ '!no such Service': 1, empty: 2 }));
  t.equal(await askStream(plain), 'closed');
  await gateway.serve(t, ...backends, listener, tcp({ web: 0 }));
  t.equal(await askStream(plain), 'closed', 'no weight at all');
  await gateway.serve(t, ...backends, listener, tcp({ web: 1 }));
  const kept = await openStream(plain);
  t.equal(await kept?.say('first'), 'web first');
  await gateway.serve(t, ...backends, listener, tcp({ api: 1 }));
  t.equal(await askStream(plain), 'api hello');
  t.equal(await kept?.say('still'), 'web still');
  kept?.close();
});

void t.test('a port that is taken', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const address = taken.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  const listeners = [
    listenerEntry({ name: 'tcp', port: plain, protocol: 'TCP' }),
    listenerEntry({ name: 'taken', port, protocol: 'TCP' }),
  ];
  gateway.compiler.setSnapshot('eu/infra/taken', listeners, []);
  const refused = await gateway.envoy.push(gateway.compiler.flush());
  t.match(refused.join(), /cannot bind|Address already in use/, 'Envoy says so');
  gateway.compiler.setSnapshot(
    'eu/infra/taken',
    [],
    listeners.map(([key]) => key),
  );
  await gateway.push(t);
  taken.close();
});

void t.test('a listener that goes and comes back while its connections are open', async (t) => {
  const entries = [...backends, listenerEntry({ name: 'tcp', port: plain, protocol: 'TCP' }), tcp({ web: 1 })];
  await gateway.serve(t, ...entries);
  const kept = await openStream(plain);
  t.equal(await kept?.say('1'), 'web 1');
  await gateway.serve(t);
  t.equal(await openStream(plain), undefined, 'refused');
  await gateway.serve(t, ...entries);
  t.equal(await askStream(plain), 'web hello');
  await gateway.serve(t, ...entries, listenerEntry({ name: 'tcp', port: plain }));
  t.match(await askStream(plain), /^HTTP/, 'another protocol');
  await gateway.serve(t, ...entries);
  t.equal(await askStream(plain), 'web hello');
  kept?.close();
});

void t.test('no connection fails while everything around it changes', async (t) => {
  const listeners = [
    listenerEntry({ name: 'tcp', port: plain, protocol: 'TCP' }),
    listenerEntry({ name: 'udp', port: plain, protocol: 'UDP' }),
    tlsListener('any', secure, '*'),
    tlsListener('inside', secure, '*.example.com', ['exact']),
  ];
  const round = (number: number): Promise<void> => {
    const to = number % 2 === 0 ? 'web' : 'api';
    return gateway.serve(
      t,
      ...backends,
      ...datagrams,
      ...listeners,
      tcp({ [to]: 1, db: 0 }),
      udp({ dns: 1 + number, ntp: 1 }),
      tls('any', [['any', '*']], { [to === 'web' ? 'own' : 'other']: 1 }),
      tls('inside', [['inside', '*.example.com']], { [to]: 1 }),
      tls(
        `new-${number}`,
        [
          ['any', `new-${number}.test`],
          ['inside', `new-${number}.example.com`],
        ],
        { db: 1 },
      ),
      ...(number % 3 === 0 ? [tlsListener('more', secure, `more-${number}.example.com`)] : []),
    );
  };
  await round(0);
  const kept = [
    await openStream(plain),
    await openStream(secure, { servername: 'kept.test' }),
    await openStream(secure, { servername: 'kept.example.com' }),
  ];
  for (const one of kept) t.match(await one?.say('first'), /(web|own for kept.test) first/);
  let running = true;
  const answers = new Set<string>();
  const traffic = [
    () => askStream(plain),
    () => askStream(secure, { servername: 'a.test' }),
    () => askStream(secure, { servername: 'a.example.com' }),
    () => askDatagram(plain),
  ].map(async (once) => {
    while (running) answers.add(await once());
  });
  for (let number = 1; number <= 12; number++) await round(number);
  running = false;
  await Promise.all(traffic);
  const expected = ['api', 'dns', 'ntp', 'other for a.test', 'own for a.test', 'web'].map((name) => `${name} hello`);
  t.strictSame([...answers].toSorted(), expected);
  for (const one of kept) {
    t.match(await one?.say('last'), /(web|own for kept.test) last/, 'where it began');
    one?.close();
  }
});

void t.test('UDP: a session stays where it began, sessions come in shares', async (t) => {
  const listener = listenerEntry({ name: 'udp', port: dual, protocol: 'UDP' });
  const other = listenerEntry({ name: 'tcp', port: dual, protocol: 'TCP' });
  const both = [...backends, ...datagrams, other, listener, tcp({ db: 1 })];
  await gateway.serve(t, ...both);
  t.equal(await askDatagram(dual), 'nothing', 'no rule');
  t.equal(await askStream(dual), 'db hello', 'TCP on the same port');
  await gateway.serve(t, ...both, udp({ dns: 7, ntp: 3 }));
  // A client's port that comes again belongs to its old session.
  const { dns = 0, ntp = 0 } = await count(100, () => askDatagram(dual));
  t.ok(dns >= 60 && dns <= 80 && dns + ntp === 100, `${dns} of 100, not 70`);
  const client = openDatagrams(dual);
  const first = await client.say('1');
  const name = first.split(' ')[0] ?? '';
  for (const text of ['2', '3', '4']) t.equal(await client.say(text), `${name} ${text}`);
  await gateway.serve(t, ...both, udp({ dns: 1, ntp: 9 }));
  t.equal(await client.say('5'), `${name} 5`, 'while its endpoint is there');
  client.close();
  t.equal((await askDatagram(dual, 'x'.repeat(9000))).length, 9004, 'long datagrams');
  await gateway.serve(t, ...both, udp({ dns: 1, none: 1, '!no such Service': 2 }));
  const { nothing = 0, ...answered } = await count(8, () => askDatagram(dual));
  t.ok(nothing >= 4, `shares of nobody are dropped: ${nothing} of 8, not 6`);
  t.strictSame(Object.keys(answered), ['dns']);
  t.equal(await askStream(dual), 'db hello');
  t.strictSame(gateway.problems(), []);
});

t.end();
