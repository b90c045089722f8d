// Tests what is said of a version whose authorization services are gone: rules and listeners that ask them refuse
// everything, and each is named.
import t from 'tap';
import { backendEntry, endpointsAt, firstEntries, ruleEntry } from './testing/some-entries.ts';
import { base, call } from './testing/api-client.ts';
import { startFixture } from './testing/control-fixture.ts';

const gateway = 'eu/infra/web';

function asks(service: string): unknown {
  return {
    type: 'external-auth',
    protocol: 'http',
    backend: { key: `backend/eu/shop/${service}/80` },
    allowedHeaders: [],
    allowedResponseHeaders: [],
    bodyMax: 0,
  };
}

void t.test('a version that asks a service for consent which is gone names who refuses everything', async (t) => {
  const fixture = await startFixture(t);
  const { writer } = fixture;
  const problems = async () => (await call(fixture, 'GET', `${base}/gateways/${gateway}`)).body['problems'];
  const web = 'backend/eu/shop/web/80';
  const perBackend = Object(ruleEntry('on-backend', '/b', web));
  const entries = {
    ...firstEntries,
    'listener/https': { ...Object(firstEntries['listener/https']), filters: [asks('door')] },
    'rule/HTTPRoute/shop/on-backend/0': {
      ...perBackend,
      action: {
        type: 'forward',
        backends: [
          { key: web, weight: 1, filters: [asks('guard')] },
          { key: web, weight: 0, filters: [asks('door')] },
        ],
      },
    },
    'rule/HTTPRoute/shop/on-rule/0': { ...Object(ruleEntry('on-rule', '/r', web)), filters: [asks('guard')] },
    'rule/HTTPRoute/shop/moved/0': {
      ...Object(ruleEntry('moved', '/m', web)),
      filters: [asks('guard'), asks('guard')],
      action: { type: 'redirect', redirect: { statusCode: 302 } },
    },
    'backend/eu/shop/guard/80': backendEntry('guard'),
    'backend/eu/shop/door/80': backendEntry('door'),
  };
  await writer.commit({
    gateways: [{ gateway, entries, cause: 'rollback', pinned: true }],
    discovery: {
      'endpoints/eu/shop/web/80': endpointsAt('10.0.0.1'),
      'endpoints/eu/shop/guard/80': { kind: 'endpoints', endpoints: [] },
    },
  });
  const guard = 'Service shop/guard port 80, which is asked for consent, has 0 ready endpoints: answered 403';
  t.same(await problems(), [
    'listener https: Service shop/door port 80, which is asked for consent, does not exist: answered 403',
    `rule 0 of HTTPRoute shop/moved: ${guard}`,
    `rule 0 of HTTPRoute shop/on-backend: ${guard}`,
    `rule 0 of HTTPRoute shop/on-rule: ${guard}`,
  ]);
  await writer.commit({
    discovery: {
      'endpoints/eu/shop/guard/80': endpointsAt('10.0.0.2'),
      'endpoints/eu/shop/door/80': endpointsAt('10.0.0.3'),
    },
  });
  t.same(await problems(), []);
});
