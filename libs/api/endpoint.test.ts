import t from 'tap';
import { buildRequest } from './endpoint.ts';
import { endpoints } from './endpoints.ts';

void t.test('a request is built from the endpoint and its input', async (t) => {
  const params = { cluster: 'eu', namespace: 'infra', name: 'web' };
  t.strictSame(buildRequest(endpoints.readGateway, { params }), {
    target: '/api/v1/gateways/eu/infra/web',
    body: undefined,
  });
  t.strictSame(buildRequest(endpoints.listRoutes, { query: { q: 'a b&c=%', cluster: undefined, limit: '5' } }), {
    target: '/api/v1/routes?q=a%20b%26c%3D%25&limit=5',
    body: undefined,
  });
  t.strictSame(buildRequest(endpoints.rollback, { params: { ...params, name: '../x' }, body: { to: 3 } }), {
    target: '/api/v1/gateways/eu/infra/..%2Fx/rollback',
    body: { to: 3 },
  });
});

void t.test('each endpoint has a place of its own', async (t) => {
  const places = Object.values(endpoints).map(({ method, path }) => `${method} ${path.replaceAll(/:\w+/g, ':')}`);
  t.equal(new Set(places).size, places.length);
});
