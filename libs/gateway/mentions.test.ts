// Tests what objects are found to mention, and that what is looked for finds it.
import t from 'tap';
import { type Wanted, mentionsOf, parentTerm, wantedHost, wantedPath } from './mentions.ts';

const place = { cluster: 'eu', kind: 'HTTPRoute', namespace: 'shop' };
const route = (fields: Readonly<Record<string, unknown>>, kind = 'HTTPRoute') => mentionsOf({ ...place, kind }, fields);

function finds({ terms, prefix }: Wanted, mentions: ReadonlySet<string>): boolean {
  return [...mentions].some((term) => terms.includes(term) || (prefix !== undefined && term.startsWith(prefix)));
}

void t.test('a host is found by itself, under wildcards, and by a wildcard over it', async (t) => {
  const exact = route({ hostnames: ['Shop.example.com'] });
  const wild = route({ hostnames: ['*.example.com'] });
  const none = route({ rules: [] });
  const table: readonly (readonly [string, readonly boolean[]])[] = [
    ['shop.example.com', [true, true, false]],
    ['SHOP.example.com', [true, true, false]],
    ['a.shop.example.com', [false, true, false]],
    ['example.com', [false, false, false]],
    ['shop.example.org', [false, false, false]],
    ['*.example.com', [true, true, false]],
    ['*.shop.example.com', [false, true, false]],
    ['*.com', [true, true, false]],
    ['*', [false, false, true]],
  ];
  for (const [host, expected] of table)
    t.strictSame(
      [exact, wild, none].map((mentions) => finds(wantedHost(host), mentions)),
      expected,
      host,
    );
});

void t.test('hosts of listeners, of an Ingress and of server names', async (t) => {
  const gateway = route({ listeners: [{ hostname: '*.example.com' }, { name: 'any' }] }, 'Gateway');
  t.ok(finds(wantedHost('shop.example.com'), gateway));
  t.ok(finds(wantedHost('*'), gateway));
  t.ok(finds(wantedHost('a.b'), route({ rules: [{ host: 'a.b' }] }, 'Ingress')));
  t.ok(finds(wantedHost('a.b'), route({ rules: [{ matches: [{ snis: ['a.b'] }] }] }, 'TLSRoute.networking.x-k8s.io')));
  t.ok(finds(wantedHost('*'), route({ defaultBackend: {} }, 'Ingress')));
});

void t.test('a path is found by the rules that can take it', async (t) => {
  const matching = (type: string, value: string) => route({ rules: [{ matches: [{ path: { type, value } }] }] });
  const table: readonly (readonly [type: string, value: string, yes: readonly string[], no: readonly string[]])[] = [
    ['Exact', '/cart', ['/cart'], ['/cart/', '/cart/1', '/', '/carts']],
    ['PathPrefix', '/cart', ['/cart', '/cart/', '/cart/1/2'], ['/', '/carts']],
    ['PathPrefix', '/cart/', ['/cart', '/cart/1'], ['/carts']],
    ['PathPrefix', '/', ['/', '/cart'], []],
    ['RegularExpression', '/api/v[0-9]+/x', ['/api/v1/x', '/api/v22/x'], ['/', '/api', '/cart']],
    ['RegularExpression', '^/ab?c', ['/ac', '/abc'], ['/', '/b']],
    ['RegularExpression', '/a|/b', ['/a', '/b', '/c'], []],
    ['PathPrefix', `/${'x'.repeat(900)}`, [`/${'x'.repeat(900)}/y`], ['/x', '/y']],
    ['Exact', '/a\0b', ['/a', '/ab'], ['/b']],
  ];
  for (const [type, value, yes, no] of table) {
    for (const path of yes) t.ok(finds(wantedPath(path), matching(type, value)), `${type} ${value} takes ${path}`);
    for (const path of no) t.notOk(finds(wantedPath(path), matching(type, value)), `${type} ${value} not ${path}`);
  }
  t.ok(finds(wantedPath('/x'), route({ rules: [{}] })), 'a rule without matches takes all');
  const grpc = route({ rules: [{ matches: [{ method: { service: 'a.B', method: 'C' } }] }] }, 'GRPCRoute');
  t.ok(finds(wantedPath('/a.B/C'), grpc));
  t.notOk(finds(wantedPath('/a.B/D'), grpc));
  const paths = [{ path: '/api', pathType: 'Prefix' }];
  const ingress = route({ rules: [{ http: { paths } }] }, 'Ingress');
  t.ok(finds(wantedPath('/api/x'), ingress));
  t.notOk(finds(wantedPath('/'), ingress));
});

void t.test('parents, with their defaults', async (t) => {
  const refs = [{ name: 'web', namespace: 'infra' }, { name: 'own' }, { kind: 'ListenerSet', name: 'more' }];
  const mentions = route({ parentRefs: [...refs, { kind: 'Service', name: 'mesh' }, { name: 7 }, 'x'] });
  const terms = [...mentions].filter((term) => term.startsWith('g:'));
  t.strictSame(terms, ['g:Gateway/eu/infra/web', 'g:Gateway/eu/shop/own', 'g:ListenerSet/eu/shop/more']);
  t.equal(parentTerm({ cluster: 'eu', kind: 'Gateway', namespace: 'infra', name: 'web' }), terms[0]);
  const set = route({ parentRef: { name: 'web', namespace: 'infra' }, listeners: [] }, 'ListenerSet');
  t.ok(set.has('g:Gateway/eu/infra/web'));
});

void t.test('whatever an object holds, there are only terms that Postgres takes', async (t) => {
  const odd = [undefined, null, 7, 'x', [], {}, [null], [7], ['\0'], [{ matches: 'x' }], [{ matches: [{ path: 7 }] }]];
  for (const kind of ['HTTPRoute', 'GRPCRoute', 'Ingress', 'Gateway', 'ListenerSet', 'TLSRoute', 'Service'])
    for (const value of odd)
      for (const field of ['hostnames', 'rules', 'listeners', 'parentRefs', 'parentRef'])
        for (const term of route({ [field]: value }, kind)) t.notMatch(term, /\0/);
  t.strictSame(mentionsOf(place, 'x'), new Set());
  const many = Array.from({ length: 5000 }, (_, index) => `h${index}.example.com`);
  t.equal(route({ hostnames: many }).size, 2000);
});
