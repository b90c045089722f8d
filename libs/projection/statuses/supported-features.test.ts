// Tests that a class claims what its cluster can have: by the version and the channel of its CRDs, and by its APIs.
import { readFileSync } from 'node:fs';
import t from 'tap';
import { kinds } from '#libs/gateway/kinds.ts';
import type { ServedApi } from '#libs/gateway/objects/served-api.ts';
import { base, gatewayClass, Given } from '#libs/testing/given/given-history.ts';
import { supportedFeatures } from './supported-features.ts';

const newest: ServedApi = {
  bundleVersion: 'v1.7.0',
  channel: 'experimental',
  kinds: kinds.map(({ kind }) => kind),
  provides: 'data planes',
};
const older: ServedApi = { ...newest, bundleVersion: 'v1.6.3' };

/** Gives the names that are claimed in one cluster and not in another. */
const lost = (had: ServedApi, has: ServedApi): readonly string[] =>
  supportedFeatures(had).filter((name) => !supportedFeatures(has).includes(name));

for (const version of ['v1.6.3', 'v1.7.0'] as const) {
  void t.test(`with the CRDs of ${version}, a class claims what its suite is run with`, async (t) => {
    const text = readFileSync(new URL(`../../../tools/lab/suite/features/${version}.txt`, import.meta.url), 'utf8');
    t.strictSame(supportedFeatures({ ...newest, bundleVersion: version }), text.trim().split('\n'));
  });
}

void t.test('every list is as the API wants it', async (t) => {
  for (const api of [newest, older, {}]) {
    const names = supportedFeatures(api);
    t.strictSame(names, [...new Set(names)].toSorted());
    t.ok(names.length <= 64);
  }
});

void t.test('names that came or went with 1.7', async (t) => {
  const newer = lost({ ...newest, bundleVersion: 'v1.7.0' }, older);
  t.ok(newer.includes('HTTPRouteRetryCodes') && newer.includes('GatewayRouteHostnameIntersectionPrecedence'));
  t.strictSame(lost(older, newest), ['HTTPRouteRetry', 'HTTPRouteRetryBackendTimeout']);
  t.strictSame(lost(older, { ...newest, bundleVersion: 'v1.7.0-rc.1' }), lost(older, newest));
  t.strictSame(lost(older, { ...newest, bundleVersion: 'v2.0.0' }), lost(older, newest));
  t.strictSame(lost(older, { ...newest, bundleVersion: 'v1.10.0' }), lost(older, newest));
});

void t.test(
  'routability of addresses takes its field, and that in the cluster a data plane that is provided',
  async (t) => {
    const { provides: _, ...without } = newest;
    t.strictSame(lost(newest, without), ['GatewayAddressRoutabilityCluster']);
    const both = ['GatewayAddressRoutability', 'GatewayAddressRoutabilityCluster'];
    const { channel: __, ...unknown } = newest;
    for (const api of [{ ...newest, channel: 'standard' }, older, unknown, {}])
      t.notOk(supportedFeatures(api).some((name) => both.includes(name)));
  },
);

void t.test('retries are of the experimental channel before 1.7', async (t) => {
  t.strictSame(lost(older, { ...older, channel: 'standard' }), [
    'HTTPRouteRetry',
    'HTTPRouteRetryBackendTimeout',
    'HTTPRouteRetryConnectionError',
  ]);
  t.ok(supportedFeatures({ ...newest, channel: 'standard' }).includes('HTTPRouteRetryConnectionError'));
});

void t.test('filters of listeners are of the experimental channel of 1.7', async (t) => {
  t.ok(lost(newest, { ...newest, channel: 'standard' }).includes('GatewayListenerFilters'));
  t.ok(lost(newest, older).includes('GatewayListenerFilters'));
});

void t.test('a kind that the cluster lacks is not claimed', async (t) => {
  const without = newest.kinds?.filter((kind) => kind !== 'TLSRoute');
  t.strictSame(lost(newest, { ...newest, kinds: without ?? [] }), [
    'TLSRoute',
    'TLSRouteModeMixed',
    'TLSRouteModeTerminate',
  ]);
});

void t.test('where nobody told what is served, or it is no version, it is the oldest that is claimed', async (t) => {
  t.strictSame(supportedFeatures({}), supportedFeatures(older));
  t.strictSame(supportedFeatures({ ...newest, bundleVersion: 'main' }), supportedFeatures(older));
});

void t.test('the class of a cluster follows its CRDs', async (t) => {
  const given = new Given();
  const claimed = (): readonly string[] => {
    const { items } = given.projection.statuses('eu', undefined, 1000);
    const list = items.find(({ kind }) => kind === 'GatewayClass')?.status['supportedFeatures'];
    return Array.isArray(list) ? list.map(({ name }: { readonly name: string }) => name) : [];
  };
  given.apply(base);
  t.strictSame(claimed(), supportedFeatures({}));
  given.apply([{ ...gatewayClass, servedApi: newest }]);
  t.strictSame(claimed(), supportedFeatures(newest));
  given.apply([{ ...gatewayClass, servedApi: { bundleVersion: 7, channel: [], kinds: 'all' } }]);
  t.strictSame(claimed(), supportedFeatures({}), 'what is no word about it says nothing');
});
