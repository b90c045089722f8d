import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { golden } from '#libs/testing/golden.ts';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { explain, type Explained } from './explanation.ts';
import { explanationText } from './explanation-text.ts';
import type { Ground } from './ground.ts';
import { readManifestsGround } from './manifests-ground.ts';
import { readTyped, type Typed } from './typed-request.ts';
import { readTime } from '../names/typed-time.ts';
import { storefront } from '../demo/storefront.ts';

const gatewayAndShop = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: fleetgate }
spec: { controllerName: fleetgate.dev/gateway-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: web, namespace: infra }
spec: { gatewayClassName: fleetgate, listeners: [{ name: http, port: 80, protocol: HTTP }] }
---
apiVersion: v1
kind: Service
metadata: { name: shop, namespace: infra }
spec: { ports: [{ port: 80 }] }
`;

const typed = (url: string, more: Partial<Typed> = {}): Typed => ({
  method: 'GET',
  url,
  headers: [],
  serverName: undefined,
  certificate: undefined,
  port: undefined,
  ...more,
});

function narrowedRoute(name: string, hostname: string, path: string, created: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: infra, creationTimestamp: ${created} }
spec:
  parentRefs: [{ name: web }]
  hostnames: ['${hostname}']
  rules:
    - { matches: [{ path: { value: /same } }, { path: { value: ${path} } }], backendRefs: [{ name: shop, port: 80 }] }
`;
}

function ask(ground: Ground, url: string, more: Partial<Typed> = {}): Explained {
  const request = readTyped(typed(url, more));
  if ('problem' in request) throw new Error(request.problem);
  return explain(ground, request);
}

function text(ground: Ground, url: string, more: Partial<Typed> = {}): string {
  const { method = 'GET' } = more;
  const options = { title: `${method} ${url}`, all: false, endpoints: ground.endpoints };
  return explanationText(ask(ground, url, more), options).replaceAll(storefront, 'examples/storefront');
}

await t.test('what was typed becomes a request', async (t) => {
  t.same(readTyped(typed('http://Shop.example/a/../b?x#', { headers: [] })), {
    problem:
      '"http://Shop.example/a/../b?x#" is no URL: ' +
      'write http://host/path or https://host/path (or tls://, tcp://, udp://)',
  });
  t.same(readTyped(typed('http://Shop.example/a/../b?x', { headers: ['X-A:  1 ', 'host: other.example'] })), {
    type: 'http',
    request: { port: 80, method: 'GET', host: 'other.example', path: '/a/../b?x', headers: [['X-A', '1']] },
  });
  t.same(readTyped(typed('https://[::1]:8443?q', { method: undefined })), {
    type: 'http',
    request: { port: 8443, tls: {}, method: 'GET', host: '[::1]:8443', path: '/?q', headers: [] },
  });
  t.match(readTyped(typed('https://a.example', { serverName: 'b.example', port: 444 })), {
    request: { port: 444, tls: { serverName: 'b.example' }, host: 'a.example', path: '/' },
  });
  t.same(readTyped(typed('tls://db.example:5432')), {
    type: 'stream',
    connection: { port: 5432, transport: 'tcp', tls: { serverName: 'db.example' } },
  });
  t.same(readTyped(typed('udp://:53')), { type: 'stream', connection: { port: 53, transport: 'udp' } });
  t.match(readTyped(typed('tcp://db.example')), { problem: /which port/ });
  t.match(readTyped(typed('http://a.example:99999')), { problem: /which port/ });
  t.match(readTyped(typed('http://a.example', { headers: ['nonsense'] })), { problem: /is no header/ });
});

await t.test('a moment', async (t) => {
  const now = new Date('2026-01-02T00:00:00Z');
  t.equal(readTime('--at', '15m', now).toISOString(), '2026-01-01T23:45:00.000Z');
  t.equal(readTime('--at', '2026-01-01T10:00:00Z', now).toISOString(), '2026-01-01T10:00:00.000Z');
  t.throws(() => readTime('--at', 'yesterday', now), { code: 'config' });
  t.equal(readTime('--at', '0s', now).getTime(), now.getTime());
  for (const future of ['2026-01-02T00:00:01Z', '2199-01-01'])
    t.throws(() => readTime('--at', future, now), { code: 'config', message: /is in the future/ });
});

await t.test('the storefront, without a fleet', async (t) => {
  const ground = await readManifestsGround(join(storefront, 'eu'), 'eu');
  const check = (name: string, actual: string): void =>
    golden(t, new URL(`testdata/${name}.txt`, import.meta.url), `${actual}\n`);
  check('rewrite', text(ground, 'http://shop.eu.storefront.example/products/x?y=1'));
  check('redirect', text(ground, 'http://shop.eu.storefront.example/basket'));
  check('canary', text(ground, 'https://pay.eu.storefront.example/', { method: 'POST', headers: ['x-canary: no'] }));
  check('no-host', text(ground, 'http://shop.us.storefront.example/'));
  check('no-port', text(ground, 'http://shop.eu.storefront.example:81/'));
  check('misdirected', text(ground, 'https://pay.eu.storefront.example/', { serverName: 'other.example' }));
  t.equal(ask(ground, 'http://shop.us.storefront.example/').answered, false);
  t.equal(ask(ground, 'http://shop.eu.storefront.example/basket').answered, true);
});

await t.test('mistakes are said: unread files, missing backends, routes that are not accepted, shadows', async (t) => {
  const folder = await brokenFolder(t);
  const ground = await readManifestsGround(folder, 'eu');
  const check = (name: string, url: string): void =>
    golden(t, new URL(`testdata/${name}.txt`, import.meta.url), `${text(ground, url).replaceAll(folder, 'FOLDER')}\n`);
  check('broken', 'http://shop.example/cart');
  check('shadowed', 'http://shop.example/same');
  check('cursor', 'http://shop.example/hostile');
  await t.rejects(readManifestsGround(join(folder, 'absent'), 'eu'), { code: 'folder' });
  await t.rejects(readManifestsGround(folder, 'eu', { gateway: 'nobody' }), {
    code: 'not-found',
    hint: /eu\/infra\/web/,
  });
  const empty = await readManifestsGround(await throwawayFolder(t), 'eu');
  t.match(ask(empty, 'http://a.example').problems, [/no Gateway/]);
});

for (const [name, url, host] of [
  ['older-routes', 'http://shop.example.com/', 'a route of Service APIs is found'],
  ['ingress-problems', 'http://shop.example.com/api/x', 'what is wrong with an Ingress is said'],
  [
    'near-misses',
    'http://shop.example.com/',
    'routes for the host that nothing takes are named, with the side that refused',
  ],
  ['older-near-misses', 'http://shop.example.com/', 'so are those of Service APIs, and Ingresses'],
  ['review', 'https://shop.example.com/a', 'a folder for review: no Secrets, slips of the pen, and ties'],
  ['foreign-policies', 'http://shop.example.com/', 'policies of other gateways are named, on what is served'],
  ['consents', 'http://shop.example.com/account/x', 'whom the listener and the rule ask for consent is said'],
  ['older-problems', 'http://shop.example.com/', 'what is wrong with objects of Service APIs is said'],
] as const) {
  await t.test(host, async (t) => {
    const folder = fileURLToPath(new URL(`testdata/${name}`, import.meta.url));
    const ground = await readManifestsGround(folder, 'eu');
    golden(t, new URL(`testdata/${name}.txt`, import.meta.url), `${text(ground, url).replaceAll(folder, 'FOLDER')}\n`);
  });
}

await t.test('what is tried again', async (t) => {
  const folder = await throwawayFolder(t);
  const rules = [
    ['unsaid', undefined],
    ['default', 'retry: {}'],
    ['zero', 'retry: { codes: [500], attempts: 0 }'],
    ['codes', 'retry: { codes: [503, 500], attempts: 3 }'],
    ['timed', 'retry: { attempts: 2 }, timeouts: { backendRequest: 1s }'],
  ] as const;
  const items = rules.map(
    ([name, more]) =>
      `{ matches: [{ path: { value: /${name} } }], backendRefs: [{ name: shop, port: 80 }]${more ? `, ${more}` : ''} }`,
  );
  const route = `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: shop, namespace: infra }
spec: { parentRefs: [{ name: web }], rules: [${items.join(', ')}] }
`;
  writeFileSync(join(folder, 'all.yaml'), [gatewayAndShop, route].join('---'));
  const ground = await readManifestsGround(folder, 'eu');
  const told = rules.map(([name]) => /retries +(.*)/.exec(text(ground, `http://a/${name}`))?.[1]);
  t.strictSame(told, [
    undefined,
    '1 on connection errors',
    'none',
    '3 on connection errors, 500, 503',
    '2 on connection errors, attempts that end late',
  ]);
});

await t.test('of routes that a listener narrows to one hostname, the more specific one comes first', async (t) => {
  const folder = await throwawayFolder(t);
  const listener = gatewayAndShop.replace('protocol: HTTP', "protocol: HTTP, hostname: 'abc.example.com'");
  const routes = [
    narrowedRoute('wide', '*.example.com', '/a/longer', '2026-01-01T00:00:00Z'),
    narrowedRoute('exact', 'abc.example.com', '/a', '2026-02-01T00:00:00Z'),
  ];
  writeFileSync(join(folder, 'all.yaml'), [listener, ...routes].join('---'));
  const ground = await readManifestsGround(folder, 'eu');
  for (const [path, why] of [
    ['/a/longer', 'it matches too, but HTTPRoute infra/exact rule 0 comes first: it has a more specific hostname'],
    [
      '/same',
      'it is shadowed by HTTPRoute infra/exact rule 0, which has the same match: it has a more specific hostname',
    ],
  ] as const) {
    const { verdict, candidates } = ask(ground, `http://abc.example.com${path}`);
    t.match(verdict, { type: 'rule', rule: { entry: { route: { name: 'exact' } } } });
    t.ok(
      candidates.some((one) => one.route.name === 'wide' && one.why === why),
      path,
    );
  }
  t.match(ask(ground, 'http://abc.example.com/a/longest').verdict, { rule: { entry: { route: { name: 'exact' } } } });
});

await t.test('clients with and without a certificate', async (t) => {
  const folder = fileURLToPath(new URL('testdata/client-certificates', import.meta.url));
  const ground = await readManifestsGround(folder, 'eu');
  const texts = ([undefined, 'untrusted', 'trusted'] as const).map((certificate) =>
    text(ground, 'https://shop.example.com/', { certificate }).replaceAll(folder, 'FOLDER'),
  );
  golden(t, new URL('testdata/client-certificates.txt', import.meta.url), `${texts.join('\n\n----\n\n')}\n`);
  t.match(readTyped(typed('http://shop.example.com/', { certificate: 'trusted' })), { problem: /has no TLS/ });
});

await t.test('strict: a Secret that is named must be there', async (t) => {
  const folder = fileURLToPath(new URL('testdata/review', import.meta.url));
  await t.rejects(readManifestsGround(folder, 'eu', { strict: true }), {
    code: 'config',
    message: /default\/shop-tls/,
  });
});

await t.test('ages decide where manifests or a fleet say them', async (t) => {
  const folder = await throwawayFolder(t);
  writeFileSync(join(folder, 'gateway.yaml'), gatewayAndShop);
  writeFileSync(
    join(folder, 'routes.yaml'),
    agedRoute('a', '2022-01-01T00:00:00Z') + agedRoute('b', '2021-01-01T00:00:00Z'),
  );
  const exported = ask(await readManifestsGround(folder, 'eu'), 'http://shop.example/');
  t.match(exported, { verdict: { rule: { entry: { route: { name: 'b' } } } }, assumed: [] });
  t.match(exported.candidates[0]?.why, /its route is older$/);
  const createdAt = new Map([['HTTPRoute/infra/a', '2020-01-01T00:00:00Z']]);
  const known = ask(await readManifestsGround(folder, 'eu', { createdAt }), 'http://shop.example/');
  t.match(known.verdict, { rule: { entry: { route: { name: 'a' } } } }, 'what the fleet knows comes first');
});

async function brokenFolder(test: Test): Promise<string> {
  const folder = await throwawayFolder(test);
  mkdirSync(join(folder, 'teams'));
  writeFileSync(join(folder, 'gateway.yaml'), gatewayAndShop);
  writeFileSync(
    join(folder, 'teams/routes.yaml'),
    [
      route('cart', `[{ ${below('/cart')}, ${to('crat')} }, { ${below('/')}, ${to('shop')} }]`),
      route('a', `[{ ${below('/same')}, ${to('shop')} }]`),
      route('b', `[{ ${below('/same')}, ${to('shop')} }]`),
      route('strange', `[{ ${below('/hostile')}, filters: [{ type: Nonsense }], ${to('shop')} }]`),
    ].join('\n'),
  );
  writeFileSync(join(folder, 'bad.yaml'), 'kind: [');
  return folder;
}

function route(name: string, rules: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: infra }
spec:
  parentRefs: [{ name: web }]
  hostnames: [shop.example]
  rules: ${rules}
---`;
}

function agedRoute(name: string, madeAt: string): string {
  const text = route(name, `[{ ${below('/')}, ${to('shop')} }]`);
  return text.replace(`name: ${name},`, `name: ${name}, creationTimestamp: "${madeAt}",`);
}

function to(service: string): string {
  return `backendRefs: [{ name: ${service}, port: 80 }]`;
}

function below(path: string): string {
  return `matches: [{ path: { type: PathPrefix, value: ${path} } }]`;
}
