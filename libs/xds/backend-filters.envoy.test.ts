// Filters of single backends, each alone and all together, of one backend and of several: real requests through a real
// Envoy.
import t from 'tap';
import { eventually } from '#libs/testing/eventually.ts';
import { backendEntry, ruleEntry } from '#libs/testing/given/entries.ts';
import { startServedGateway } from '#libs/testing/peers/served-gateway.ts';
import type { Answer } from '#libs/testing/peers/http-peers.ts';
import type { HttpFilter, WeightedBackend } from '#libs/snapshot/entry.ts';

const gateway = await startServedGateway(t);
const origin = 'https://a.test';

/** What a filter does, and how that is seen. */
const filters: Readonly<Record<string, { readonly filter: HttpFilter; readonly seen: (answer: Answer) => unknown }>> = {
  request: {
    filter: {
      type: 'request-headers',
      set: [{ name: 'x-set', value: 'new' }],
      add: [{ name: 'x-add', value: 'two' }],
      remove: ['x-gone'],
    },
    seen: ({ echo }) => {
      const headers = echo?.headers ?? {};
      return headers['x-set'] === 'new' && headers['x-add'] === 'one, two' && headers['x-gone'] === undefined;
    },
  },
  response: {
    filter: { type: 'response-headers', set: [{ name: 'x-backend', value: 'hidden' }], add: [], remove: ['server'] },
    seen: ({ headers }) => headers['x-backend'] === 'hidden' && headers['server'] === undefined,
  },
  host: {
    filter: { type: 'rewrite', hostname: 'inside.test' },
    seen: ({ echo }) => echo?.headers.host === 'inside.test',
  },
  path: {
    filter: { type: 'rewrite', path: { type: 'prefix', value: '/inside' } },
    seen: ({ echo }) => echo?.url === '/inside/x',
  },
  mirror: {
    filter: { type: 'mirror', backend: { key: backendEntry('mirror')[0] }, numerator: 1, denominator: 1 },
    seen: ({ echo }) =>
      eventually(() =>
        gateway.backends.get('mirror')?.seen.some(({ headers }) => headers['x-id'] === echo?.headers['x-id']),
      ),
  },
  cors: {
    filter: {
      type: 'cors',
      allowOrigins: [origin],
      allowMethods: [],
      allowHeaders: [],
      exposeHeaders: [],
      allowCredentials: false,
      maxAgeSeconds: 5,
    },
    seen: ({ headers }) => headers['access-control-allow-origin'] === origin,
  },
};
const names = Object.keys(filters);
let requests = 0;

void t.test('of the only backend', async (t) => {
  await gateway.serve(
    t,
    ...names.map((name) => rule(name, [to('web', name)])),
    rule('all', [to('web', ...names)]),
    ruleEntry({ name: 'everywhere', matches: ['/everywhere'], to: forward([to('web', ...names)]) }),
  );
  for (const name of names) t.ok(await filters[name]?.seen(await ask(name)), name);
  const answer = await ask('all');
  for (const name of names) t.ok(await filters[name]?.seen(answer), `${name} beside all others`);
});

void t.test('of one of two backends', async (t) => {
  await gateway.serve(
    t,
    ...names.map((name) => rule(name, [to('web', name), to('api')])),
    rule('all', [to('web', ...names), to('api')]),
  );
  for (const name of [...names, 'all']) {
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(name)));
    const [web, api] = ['web', 'api'].map((backend) => answers.filter(({ echo }) => echo?.backend === backend));
    t.equal((web?.length ?? 0) + (api?.length ?? 0), 40);
    t.ok((web?.length ?? 0) > 5 && (api?.length ?? 0) > 5, `${name}: ${web?.length} and ${api?.length} of 40`);
    const own = name === 'all' ? names : [name];
    for (const one of own) {
      for (const answer of web ?? []) if (!(await filters[one]?.seen(answer))) t.fail(`${one} in ${name}`);
      if (one === 'mirror') continue;
      for (const answer of api ?? []) if (await filters[one]?.seen(answer)) t.fail(`${one} in ${name} for the other`);
    }
  }
});

void t.test('several mirrors, of the rule and of a backend', async (t) => {
  const second = { key: backendEntry('api')[0] };
  await gateway.serve(
    t,
    ruleEntry({
      name: 'mirrors',
      matches: ['/mirrors'],
      filters: [
        { type: 'mirror', backend: second, numerator: 1, denominator: 1 },
        { type: 'mirror', backend: { invalid: 'x' }, numerator: 1, denominator: 1 },
      ],
      to: forward([to('web', 'mirror')]),
    }),
  );
  const answer = await ask('mirrors');
  t.equal(answer.echo?.backend, 'web');
  t.ok(await filters['mirror']?.seen(answer));
  const copies = (): number => gateway.backends.get('api')?.seen.filter(({ url }) => url === '/mirrors/x').length ?? 0;
  await eventually(() => copies() > 0);
  t.equal(copies(), 1);
});

t.end();

function to(service: string, ...own: readonly string[]): WeightedBackend {
  return { key: backendEntry(service)[0], weight: 1, filters: own.flatMap((name) => filters[name]?.filter ?? []) };
}

function forward(backends: readonly WeightedBackend[]) {
  return { type: 'forward', backends } as const;
}

function rule(name: string, backends: readonly WeightedBackend[]) {
  return ruleEntry({ name, matches: [`/${name}`], to: forward(backends) });
}

function ask(name: string): Promise<Answer> {
  return gateway.ask({
    host: 'a.example.com',
    path: `/${name}/x`,
    headers: [
      ['Origin', origin],
      ['X-Set', 'old'],
      ['X-Add', 'one'],
      ['X-Gone', 'here'],
      ['X-Id', `${++requests}`],
    ],
  });
}
