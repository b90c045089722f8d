// TLS, and changes under traffic: chains and certificates come and go in place, and no request fails because of it.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { backendEntry, entriesOf, listenerEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { answerer, startServedGateway } from '#libs/testing/peers/served-gateway.ts';
import { askHttp2, askTls, freePort, openConnection } from '#libs/testing/peers/http-peers.ts';
import type { ListenerEntry } from '#libs/snapshot/entry.ts';

const gateway = await startServedGateway(t);
const secure = await freePort();
const { compiler } = gateway;

function file(name: string): string {
  return readFileSync(new URL(`testdata/tls/${name}`, import.meta.url), 'utf8');
}

function certificate(secret: string, name: string, key = name): void {
  const item = { kind: 'tls', certificate: file(`${name}.crt`), key: file(`${key}.key`) } as const;
  compiler.setDiscovery([{ key: `tls/eu/infra/${secret}`, item }], []);
}

function https(name: string, hostname: string, ...secrets: readonly string[]): readonly [string, ListenerEntry] {
  const certificates = secrets.map((secret) => `tls/eu/infra/${secret}`);
  return listenerEntry({ name, hostname, port: secure, protocol: 'HTTPS', certificates });
}

/** Who answers, and whose certificate is shown. */
async function asked(servername: string | undefined, host: string, path = '/'): Promise<string> {
  const answer = await askTls(secure, servername, { host, path });
  return answer === undefined ? 'refused' : `${answerer(answer)} by ${answer.certificate}`;
}

void t.test('HTTPS listeners', async (t) => {
  certificate('exact', 'exact');
  certificate('wildcard', 'wildcard');
  certificate('default', 'default');
  certificate('other', 'other');
  await gateway.serve(
    t,
    https('exact', 'a.example.com', 'exact'),
    https('wildcard', '*.example.com', 'wildcard'),
    https('any', '*', 'default', 'other'),
    ruleEntry({ name: 'exact', hosts: [['exact', 'a.example.com']], to: 'api' }),
    ruleEntry({ name: 'wildcard', hosts: [['wildcard', '*.example.com']] }),
    ruleEntry({ name: 'any', hosts: [['any', '*']], to: 'mirror' }),
  );
  const cases: readonly (readonly [servername: string | undefined, host: string, expected: string])[] = [
    ['a.example.com', 'a.example.com', 'api by a.example.com'],
    ['A.example.com', 'A.EXAMPLE.com:443', 'api by a.example.com'],
    ['x.example.com', 'x.example.com', 'web by wildcard'],
    ['x.y.example.com', 'x.y.example.com', 'web by wildcard'],
    ['default.test', 'default.test', 'mirror by default'],
    ['b.example.org', 'b.example.org', 'mirror by other'],
    [undefined, 'elsewhere.test', 'mirror by other'],
    ['a.example.com', 'x.example.com', '421 by a.example.com'],
    ['a.example.com', 'elsewhere.test', '421 by a.example.com'],
    ['x.example.com', 'a.example.com', '421 by wildcard'],
    ['elsewhere.test', 'A.example.com', '421 by default'],
    ['x.example.com', 'y.example.com', 'web by wildcard'],
    [undefined, 'a.example.com', '421 by other'],
  ];
  for (const [servername, host, expected] of cases) t.equal(await asked(servername, host), expected, host);
  for (const host of ['a.example.com', 'x.example.com']) {
    const answer = await askHttp2(secure, { servername: host, headers: { ':authority': host, ':path': '/h2' } });
    t.equal(answer.status, 200, `HTTP/2 to ${host}`);
    t.equal(answer.echo?.headers['x-forwarded-proto'], 'https');
  }
  t.strictSame(compiler.problems(), []);
});

void t.test('certificates that are missing or bad', async (t) => {
  certificate('weak', 'weak');
  certificate('mixed', 'exact', 'other');
  await gateway.serve(
    t,
    https('exact', 'a.example.com', 'absent'),
    https('weak', 'weak.test', 'weak', 'mixed', 'default'),
    https('any', '*', 'default'),
    ruleEntry({
      name: 'any',
      hosts: [
        ['any', '*'],
        ['exact', 'a.example.com'],
        ['weak', 'weak.test'],
      ],
    }),
  );
  t.equal(await asked('a.example.com', 'a.example.com'), 'refused', 'not by the certificate of a wider listener');
  t.equal(await asked('weak.test', 'weak.test'), 'web by default', 'the one that is good');
  t.equal(await asked('other.test', 'other.test'), 'web by default');
  t.strictSame(
    compiler
      .problems()
      .map(({ key, reason }) => `${key}: ${reason}`)
      .toSorted(),
    [
      'listener/exact: the certificate tls/eu/infra/absent is not there yet',
      'listener/weak: the certificate tls/eu/infra/mixed holds a private key that is not the certificate’s',
      'listener/weak: the certificate tls/eu/infra/weak has an RSA key of less than 2048 bits',
    ],
  );
  certificate('absent', 'exact');
  await gateway.push(t);
  t.equal(await asked('a.example.com', 'a.example.com'), 'web by a.example.com', 'served as soon as it is there');
});

void t.test('connections outlive changes of other chains', async (t) => {
  const base = [
    https('wildcard', '*.example.com', 'wildcard'),
    ruleEntry({ name: 'wildcard', hosts: [['wildcard', '*.example.com']] }),
  ];
  await gateway.serve(t, ...base);
  const kept = await openConnection(secure, 'x.example.com');
  const plain = await openConnection(gateway.port);
  const ask = async (): Promise<readonly string[]> => [
    answerer(await kept.ask({ host: 'x.example.com' })),
    answerer(await plain.ask({ host: 'x.example.com' })),
  ];
  t.strictSame(await ask(), ['web', '404']);
  await gateway.serve(
    t,
    ...base,
    https('exact', 'a.example.com', 'exact'),
    ruleEntry({
      name: 'exact',
      hosts: [
        ['exact', 'a.example.com'],
        ['http', '*'],
      ],
      to: 'api',
    }),
  );
  t.strictSame(await ask(), ['web', 'api'], 'a chain was added');
  certificate('exact', 'renewed');
  await gateway.push(t);
  t.equal(await asked('a.example.com', 'a.example.com'), 'api by renewed');
  certificate('wildcard', 'default');
  await gateway.push(t);
  t.equal(await asked('x.example.com', 'x.example.com'), 'web by default', 'the newest certificate');
  t.strictSame(await ask(), ['web', 'api'], 'also where its own certificate was renewed');
  await gateway.serve(t, ...base);
  t.strictSame(await ask(), ['web', '404'], 'a chain was removed');
  await gateway.serve(
    t,
    ...base,
    https('own', 'x.example.com', 'exact'),
    ruleEntry({ name: 'own', hosts: [['own', 'x.example.com']], to: 'api' }),
  );
  t.strictSame(await ask(), ['api', '404'], 'its host got a listener of its own');
  kept.close();
  plain.close();
  certificate('exact', 'exact');
  certificate('wildcard', 'wildcard');
});

void t.test('no request fails while everything changes', async (t) => {
  const steady = ruleEntry({ name: 'steady', hosts: ['s.example.com', '*'] });
  const tls = https('wildcard', '*.example.com', 'wildcard');
  const overTls = ruleEntry({ name: 'tls', hosts: [['wildcard', '*.example.com']] });
  await gateway.serve(t, steady, tls, overTls);
  let running = true;
  const answers = new Map<string, number>();
  const traffic = (['s.example.com', 'S.example.com:80', 'c.test'] as const).map(async (host) => {
    while (running) {
      const one = answerer(await gateway.ask({ host }));
      const other = await asked('s.example.com', 's.example.com');
      for (const got of [one, other]) answers.set(got, (answers.get(got) ?? 0) + 1);
    }
  });
  for (let round = 0; round < 12; round++) {
    const to = round % 2 === 0 ? 'web' : 'api';
    await gateway.serve(
      t,
      ruleEntry({ name: 'steady', hosts: ['s.example.com', '*'], to }),
      tls,
      ruleEntry({
        name: 'tls',
        hosts: [
          ['wildcard', '*.example.com'],
          ['wildcard', 's.example.com'],
        ],
        to,
      }),
      ruleEntry({ name: `new-${round}`, hosts: [`new-${round}.example.com`, `*.w${round}.example.com`] }),
      // The host goes over to a listener of its own, and back.
      ...(round % 3 === 0
        ? [
            https('own', 's.example.com', 'wildcard'),
            ruleEntry({ name: 'own', hosts: [['own', 's.example.com']], to: 'mirror' }),
          ]
        : []),
      ...(round % 4 === 0
        ? [listenerEntry({ name: 'extra', port: gateway.port, hostname: `new-${round}.example.com` })]
        : []),
    );
  }
  running = false;
  await Promise.all(traffic);
  const bad = [...answers.keys()].filter((one) => !/^(web|api|mirror)( by wildcard)?$/.test(one));
  t.strictSame(bad, [], JSON.stringify([...answers]));
});

void t.test('a gateway that goes leaves nothing', async (t) => {
  const id = 'us/infra/other';
  const entries = entriesOf(
    listenerEntry({ port: gateway.port, hostname: 'gone.test' }),
    backendEntry('gone'),
    ruleEntry({ name: 'gone', hosts: ['gone.test'], to: 'gone' }),
  );
  const before = Object.values(compiler.tables()).map((table) => [...table.keys()].toSorted());
  compiler.setSnapshot(id, entries, []);
  await gateway.push(t);
  t.equal(answerer(await gateway.ask({ host: 'gone.test' })), '503', 'a Service without endpoints');
  compiler.setSnapshot(id, [], entries.keys());
  await gateway.push(t);
  const after = Object.values(compiler.tables()).map((table) => [...table.keys()].toSorted());
  t.strictSame(after, before);
});

t.end();
