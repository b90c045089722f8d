// Certificates of clients: who gets in, by which mode, and that nobody gets around it: not by another chain, an older
// connection, an earlier session, nor by authorities that are missing or bad.
import { connect as connectHttp2 } from 'node:http2';
import t from 'tap';
import { backendEntry, listenerEntry, ruleEntry, streamRuleEntry } from '#libs/testing/given/entries.ts';
import { freePort, openConnection, startBackend } from '#libs/testing/peers/http-peers.ts';
import { startStreamGateway, tlsFile, tlsListener } from '#libs/testing/peers/stream-gateway.ts';
import { askStream, openStream, startStreamBackend, type StreamTls } from '#libs/testing/peers/stream-peers.ts';
import type { ClientValidation, ListenerEntry } from '#libs/snapshot/entry.ts';

const gateway = await startStreamGateway(t);
const port = await freePort();
gateway.setEndpoints('db', (await startStreamBackend(t, 'db')).port);
gateway.setEndpoints('http', (await startBackend(t, 'http')).port);
for (const name of ['exact', 'wildcard', 'default']) gateway.setCertificate(name);
const backends = [backendEntry('db'), backendEntry('http')];

const good = { cert: tlsFile('client.crt'), key: tlsFile('client.key') };
const bad = { cert: tlsFile('other-client.crt'), key: tlsFile('other-client.key') };
const request = 'GET / HTTP/1.1\r\nHost: a.example.com\r\nConnection: close\r\n\r\n';

function validation(mode: ClientValidation['mode'], ...authorities: readonly string[]): ClientValidation {
  return { mode, authorities: authorities.map((name) => `ca/eu/ConfigMap/infra/${name}`) };
}

function https(name: string, hostname: string, clientValidation?: ClientValidation): readonly [string, ListenerEntry] {
  const certificates = ['tls/eu/infra/default'];
  const more = clientValidation === undefined ? {} : { clientValidation };
  return listenerEntry({ name, hostname, port, protocol: 'HTTPS', certificates, ...more });
}

const toHttp = (name: string, hostname: string) => ruleEntry({ name, hosts: [[name, hostname]], to: 'http' });

/** Status of an answer by HTTPS, or that there is none. */
async function asked(servername: string, client: StreamTls = {}): Promise<string> {
  const stream = await openStream(port, { ...client, servername });
  const answer = await stream?.say(request.replace('a.example.com', servername));
  stream?.close();
  return answer?.slice(9, 12).trim() ?? 'refused';
}

void t.test('HTTPS: only those of an authority', async (t) => {
  gateway.setAuthority('one', tlsFile('client-ca.crt'));
  gateway.setAuthority('two', tlsFile('other-ca.crt'));
  const served = (...authorities: readonly string[]) =>
    gateway.serve(
      t,
      ...backends,
      https('a', 'a.example.com', validation('AllowValidOnly', ...authorities)),
      toHttp('a', 'a.example.com'),
    );
  await served('one');
  t.equal(await asked('a.example.com', good), '200');
  t.not(await asked('a.example.com', bad), '200');
  t.not(await asked('a.example.com'), '200');
  await served('one', 'two');
  t.equal(await asked('a.example.com', good), '200', 'several authorities');
  t.equal(await asked('a.example.com', bad), '200');
  t.not(await asked('a.example.com'), '200');
  gateway.setAuthority('two', 'nonsense');
  await gateway.push(t);
  t.equal(await asked('a.example.com', good), '200');
  t.not(await asked('a.example.com', bad), '200', 'a bad authority is none');
  t.strictSame(gateway.problems(), ['listener/a: the authority ca/eu/ConfigMap/infra/two holds no certificate']);
  gateway.setAuthority('one', 'nonsense');
  await gateway.push(t);
  t.equal(await asked('a.example.com', good), 'refused', 'no good authority: closed');
  t.equal(await asked('a.example.com'), 'refused');
  gateway.setAuthority('two', tlsFile('other-ca.crt'));
  await gateway.push(t);
  t.equal(await asked('a.example.com', bad), '200', 'as soon as there is one');
  await served('absent');
  t.equal(await asked('a.example.com', good), 'refused');
});

void t.test('a listener that demands what cannot be had lets nobody in, on any hostname', async (t) => {
  for (const hostname of ['a.example.com', '*'] as const) {
    const [key, entry] = https('old', hostname);
    const old = { ...entry, certificates: [], refusesClients: true as const };
    const young = https('young', hostname);
    const older = { ...old, createdAt: '2020-01-01T00:00:00Z' };
    const others = [https('own', 'own.example.com'), toHttp('own', 'own.example.com'), toHttp('young', hostname)];
    await gateway.serve(t, ...backends, [key, older], young, ...others);
    t.equal(await asked('a.example.com'), 'refused', hostname);
    t.equal(await asked('own.example.com'), '200', 'another hostname is served');
  }
});

void t.test('the insecure mode takes anybody', async (t) => {
  gateway.setAuthority('one', tlsFile('client-ca.crt'));
  await gateway.serve(
    t,
    ...backends,
    https('a', 'a.example.com', validation('AllowInsecureFallback', 'one')),
    toHttp('a', 'a.example.com'),
  );
  for (const client of [good, bad, {}]) t.equal(await asked('a.example.com', client), '200');
});

void t.test('TLS that is terminated', async (t) => {
  const clientValidation = validation('AllowValidOnly', 'one');
  await gateway.serve(
    t,
    ...backends,
    tlsListener('a', port, '*.example.com', ['wildcard'], { clientValidation }),
    streamRuleEntry({ kind: 'TLSRoute', hosts: [['a', 'a.example.com']], to: { db: 1 } }),
  );
  const servername = 'a.example.com';
  t.equal(await askStream(port, { servername, ...good }), 'db hello');
  t.not(await askStream(port, { servername, ...bad }), 'db hello');
  t.not(await askStream(port, { servername }), 'db hello');
  t.equal(await askStream(port, { servername: 'b.example.com', ...good }), 'refused', 'no route');
});

void t.test('not around it by another chain', async (t) => {
  await gateway.serve(
    t,
    ...backends,
    https('a', 'a.example.com', validation('AllowValidOnly', 'one')),
    https('any', '*'),
    toHttp('a', 'a.example.com'),
    toHttp('any', '*'),
  );
  const session = connectHttp2(`https://127.0.0.1:${port}`, { servername: 'b.example.com', rejectUnauthorized: false });
  const status = (authority: string): Promise<number> =>
    new Promise((resolve) => {
      const stream = session.request({ ':authority': authority, ':path': '/' });
      stream.on('response', (headers) => resolve(Number(headers[':status'])));
      stream.resume();
    });
  t.equal(await status('b.example.com'), 200);
  for (const host of ['a.example.com', 'A.example.com', 'a.example.com:443', 'a.example.com.'])
    t.equal(await status(host), 421, host);
  session.close();
});

for (const [what, before] of [
  ['by a listener of its own', [https('any', '*'), toHttp('any', '*')]],
  ['by the listener', [https('a', 'a.example.com'), toHttp('a', 'a.example.com')]],
] as const)
  void t.test(`not by a connection from before it was demanded ${what}`, async (t) => {
    await gateway.serve(t, ...backends, ...before);
    const kept = await openConnection(port, 'a.example.com');
    const host = 'a.example.com';
    t.equal((await kept.ask({ host })).status, 200);
    await gateway.serve(
      t,
      ...backends,
      https('any', '*'),
      https('a', host, validation('AllowValidOnly', 'one')),
      toHttp('a', host),
      toHttp('any', '*'),
    );
    t.not((await kept.ask({ host }).catch(() => ({ status: 0 }))).status, 200);
    kept.close();
  });

void t.test('not by a session of another chain', async (t) => {
  const guarded = validation('AllowValidOnly', 'one');
  await gateway.serve(
    t,
    ...backends,
    https('a', 'a.example.com', guarded),
    https('any', '*'),
    https('b', 'b.example.com', validation('AllowInsecureFallback', 'one')),
    toHttp('a', 'a.example.com'),
    toHttp('any', '*'),
    toHttp('b', 'b.example.com'),
  );
  for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
    for (const servername of ['c.example.com', 'b.example.com', 'a.example.com']) {
      const sessions: Buffer[] = [];
      const client = servername === 'a.example.com' ? good : {};
      const first = await openStream(port, {
        ...client,
        servername,
        maxVersion,
        onSession: (one) => sessions.push(one),
      });
      await first?.say(request.replace('a.example.com', servername));
      first?.close();
      const session = sessions[0];
      if (session === undefined) throw new Error('the server gives no session');
      const again = await openStream(port, { servername, maxVersion, session });
      t.equal(again?.isResumed, true, `${maxVersion} ${servername}: its own session`);
      again?.close();
      const answer = await asked('a.example.com', { maxVersion, session });
      if (servername === 'a.example.com') t.equal(answer, '200', 'that of a client who was let in');
      else t.not(answer, '200', `${maxVersion}: not with that of ${servername}`);
    }
  }
});

void t.test('not by a session from before the authorities changed', async (t) => {
  const host = 'a.example.com';
  const clientValidation = validation('AllowValidOnly', 'one');
  await gateway.serve(t, ...backends, https('a', host, clientValidation), toHttp('a', host));
  for (const maxVersion of ['TLSv1.3', 'TLSv1.2'] as const) {
    gateway.setAuthority('one', tlsFile('client-ca.crt'));
    await gateway.push(t);
    const sessions: Buffer[] = [];
    const first = await openStream(port, {
      ...good,
      servername: host,
      maxVersion,
      onSession: (one) => sessions.push(one),
    });
    await first?.say(request);
    const session = sessions[0];
    if (session === undefined) throw new Error('the server gives no session');
    t.equal(await asked(host, { maxVersion, session }), '200');
    gateway.setAuthority('one', tlsFile('other-ca.crt'));
    await gateway.push(t);
    t.not(await asked(host, { maxVersion, session }), '200', maxVersion);
    t.equal(await asked(host, bad), '200', 'the new authority');
  }
});

t.end();
