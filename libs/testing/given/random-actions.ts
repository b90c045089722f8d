// Makes random filters and actions of rules for tests: what they do with requests and answers, and to which backends
// requests go.
import * as fc from 'fast-check';
import type { CorsPolicy } from '#libs/gateway/filters/cors.ts';
import type { HeaderChange, PathChange, Redirect } from '#libs/gateway/filters/http-filter.ts';
import type { HttpFilter, RuleAction, WeightedBackend } from '#libs/snapshot/entry.ts';
import { backendEntry } from './entries.ts';
import { pick, rarely } from './random-picks.ts';

const header = (value: fc.Arbitrary<string>): fc.Arbitrary<HeaderChange['set'][number]> =>
  fc.record({ name: pick('x-a', 'x-b', 'x-c', 'x-backend'), value });
const headerChange: fc.Arbitrary<HeaderChange> = fc
  .uniqueArray(fc.tuple(pick('set', 'add', 'remove'), header(pick('1', 'two', '100%', '%REQ(:PATH)%', ''))), {
    // Of one name, a value may follow a removal.
    selector: ([what, { name }]) => `${what === 'remove' ? what : 'value'} ${name}`,
    maxLength: 4,
  })
  .map((list) => ({
    set: list.filter(([what]) => what === 'set').map(([, one]) => one),
    add: list.filter(([what]) => what === 'add').map(([, one]) => one),
    remove: list.filter(([what]) => what === 'remove').map(([, { name }]) => name),
  }));
const pathChange: fc.Arbitrary<PathChange> = fc.record({
  type: pick('full' as const, 'full' as const, 'prefix' as const),
  value: pick('/', '/new', '/new/deep', '/n\\1'),
});
const cors: fc.Arbitrary<CorsPolicy> = fc.record({
  allowOrigins: pick(['*'], ['https://a.test'], ['https://*.a.test', 'http://b.test']),
  allowMethods: pick(['*'], ['GET', 'PUT']),
  allowHeaders: pick<readonly string[]>(['*'], ['x-a', 'x-b'], []),
  exposeHeaders: pick<readonly string[]>(['x-c'], []),
  allowCredentials: fc.boolean(),
  maxAgeSeconds: pick(5, 600),
});
const filter: fc.Arbitrary<HttpFilter> = fc.oneof(
  headerChange.map((change) => ({ type: 'request-headers' as const, ...change })),
  headerChange.map((change) => ({ type: 'response-headers' as const, ...change })),
  fc
    .record({ hostname: rarely(pick('inside.test', 'x.inside.test')), path: rarely(pathChange, 1) })
    .map(({ hostname, path: change }) => ({
      type: 'rewrite' as const,
      ...(hostname === undefined ? {} : { hostname }),
      ...(change === undefined ? {} : { path: change }),
    })),
  fc.record({
    type: pick('mirror' as const),
    backend: pick({ key: backendEntry('mirror')[0] }, { invalid: 'no such Service' }),
    numerator: pick(100, 0),
    denominator: pick(100),
  }),
);
/** Gives at most one filter of each type, as the specification has it. */
export const filters: fc.Arbitrary<readonly HttpFilter[]> = fc
  .tuple(
    fc.uniqueArray(filter, { selector: ({ type }) => type, maxLength: 3 }),
    rarely(
      cors.map((policy) => ({ type: 'cors' as const, ...policy })),
      4,
    ),
  )
  .map(([list, policy]) => (policy === undefined ? list : [...list, policy]));

const target = (names: readonly string[]): fc.Arbitrary<{ readonly key: string } | { readonly invalid: string }> =>
  fc.oneof(
    { weight: 9, arbitrary: pick(...names).map((name) => ({ key: backendEntry(name)[0] })) },
    { weight: 1, arbitrary: pick({ invalid: 'no such Service' }, { key: backendEntry('absent')[0] }) },
  );
const weighted = (names: readonly string[]): fc.Arbitrary<WeightedBackend> =>
  fc
    .record({ to: target(names), weight: pick(1, 1, 1, 2, 3, 0), filters: fc.oneof(fc.constant([]), filters) })
    .map(({ to, ...rest }) => ({ ...to, ...rest }));
const redirect: fc.Arbitrary<Redirect> = fc
  .record({
    scheme: rarely(pick('http' as const, 'https' as const), 1),
    hostname: rarely(pick('other.test'), 1),
    port: rarely(pick(80, 443, 8443), 1),
    path: rarely(pathChange, 1),
    statusCode: pick(301 as const, 302 as const, 303 as const, 307 as const, 308 as const),
  })
  .map(({ scheme, hostname, port, path: change, statusCode }) => ({
    ...(scheme === undefined ? {} : { scheme }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(port === undefined ? {} : { port }),
    ...(change === undefined ? {} : { path: change }),
    statusCode,
  }));
/** Gives actions that forward to these services, redirect, or answer an error. */
export const action = (names: readonly string[]): fc.Arbitrary<RuleAction> =>
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc
        .array(weighted(names), { minLength: 1, maxLength: 3 })
        .map((backends) => ({ type: 'forward' as const, backends })),
    },
    { weight: 4, arbitrary: redirect.map((one) => ({ type: 'redirect' as const, redirect: one })) },
    { weight: 1, arbitrary: fc.constant({ type: 'invalid' as const, reason: 'unknown filter' }) },
    { weight: 1, arbitrary: fc.constant({ type: 'forward' as const, backends: [] }) },
  );
