// Makes random matches of rules for tests, of HTTPRoutes and GRPCRoutes. Alphabets are small, so that things meet.
import * as fc from 'fast-check';
import { compareText } from '#libs/gateway/compare-text.ts';
import type { HttpMatch, StringMatch } from '#libs/gateway/objects/http-match.ts';
import { anyHeaderMatch } from './random-headers.ts';
import { pick, rarely } from './random-picks.ts';

const exactPaths = ['/', '/a', '/a/', '/a/b', '/a/b/c', '/ab', '/A', '/a/b/', '/svc/Method', '/a%20b', '/~x'];
const prefixes = ['/', '/a', '/a/b', '/a/b/c', '/ab', '/svc', '/a.b+c'];
const pathRegexes = ['/a/[bc]+', '/a.*', '.*b', '/', '/a/b(/.*)?', '(?i)/AB', '/[^/]*'];

const path: fc.Arbitrary<HttpMatch['path']> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: pick('PathPrefix' as const), value: pick(...prefixes) }) },
  { weight: 3, arbitrary: fc.record({ type: pick('Exact' as const), value: pick(...exactPaths) }) },
  { weight: 2, arbitrary: fc.record({ type: pick('RegularExpression' as const), value: pick(...pathRegexes) }) },
);
const stringMatch: fc.Arbitrary<StringMatch> = fc.oneof(
  fc.record({ type: pick('Exact' as const), value: pick('1', '2', '1,2', 'x y') }),
  fc
    .record({ type: pick('RegularExpression' as const), value: pick('[0-9]+', '1|2', '.*', '', '1.*') })
    .map((one) => (one.value === '' ? { ...one, value: 'x?' } : one)),
);
type NamedMatch = HttpMatch['headers'][number];

const named = (...names: readonly string[]): fc.Arbitrary<NamedMatch> =>
  fc.tuple(pick(...names), stringMatch).map(([name, one]) => ({ name, ...one }));
const some = (one: fc.Arbitrary<NamedMatch>): fc.Arbitrary<readonly NamedMatch[]> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    {
      weight: 2,
      arbitrary: fc
        .uniqueArray(one, { selector: ({ name }) => name, minLength: 1, maxLength: 2 })
        .map((list) => list.toSorted((a, b) => compareText(a.name, b.name))),
    },
  );
/** Matches of an HTTPRoute. */
export const httpMatch: fc.Arbitrary<HttpMatch> = fc
  .record({
    path,
    method: rarely(pick('GET', 'POST', 'DELETE', 'OPTIONS', 'HEAD')),
    headers: some(
      fc.oneof(
        { weight: 2, arbitrary: named('x-a', 'x-b', 'x_a', 'host', 'x-forwarded-proto') },
        { weight: 1, arbitrary: anyHeaderMatch },
      ),
    ),
    query: some(named('v', 'W', 'w')),
  })
  .map(({ method, ...rest }) => (method === undefined ? rest : { ...rest, method }));

const exact = (value: string): StringMatch => ({ type: 'Exact', value });

/** What libs/gateway makes of the matches of a GRPCRoute. */
export const grpcMatch: fc.Arbitrary<HttpMatch> = fc
  .record({
    service: rarely(pick('svc', 'a'), 1),
    method: rarely(pick('Method', 'b'), 1),
    headers: some(named('x-a', 'x-b')),
  })
  .map(({ service, method, headers }): HttpMatch => {
    const grpc = {
      ...(service === undefined ? {} : { service: exact(service) }),
      ...(method === undefined ? {} : { method: exact(method) }),
    };
    if (method === undefined)
      return { path: { type: 'PathPrefix', value: `/${service ?? ''}` }, headers, query: [], grpc };
    if (service === undefined)
      return { path: { type: 'RegularExpression', value: `/[^/]+/${method}` }, headers, query: [], grpc };
    return { path: { type: 'Exact', value: `/${service}/${method}` }, headers, query: [], grpc };
  });
