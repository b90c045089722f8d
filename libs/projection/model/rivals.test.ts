// Tests that HTTPRoutes and GRPCRoutes share no hostname of a listener: whatever comes in whatever order, a hostname
// has one kind, and the older route keeps it.
import assert from 'node:assert';
import * as fc from 'fast-check';
import t from 'tap';
import { intersectHostnames } from '#libs/gateway/hostname.ts';
import { Projection } from '#libs/projection/projection.ts';
import { applied, deleted, type Manifest } from '#libs/testing/given/change-events.ts';
import { base, Given } from '#libs/testing/given/given-history.ts';

type Kind = 'HTTPRoute' | 'GRPCRoute';

interface Route {
  readonly kind: Kind;
  readonly name: string;
  readonly second: number;
  readonly hostnames: readonly string[];
}

function toManifest({ kind, name, second, hostnames }: Route): Manifest {
  const creationTimestamp = `2026-01-01T00:00:${String(second).padStart(2, '0')}Z`;
  return {
    kind,
    metadata: { name, namespace: 'infra', creationTimestamp },
    spec: { parentRefs: [{ name: 'web' }], hostnames },
  };
}

const someRoutes = fc
  .array(
    fc.record({
      kind: fc.constantFrom<Kind>('HTTPRoute', 'GRPCRoute'),
      second: fc.integer({ min: 0, max: 3 }),
      hostnames: fc.uniqueArray(fc.constantFrom('a.b.com', 'c.b.com', '*.b.com', '*.com', 'x.org', '*.org'), {
        maxLength: 2,
      }),
    }),
    { minLength: 2, maxLength: 5 },
  )
  .map((routes) => routes.map((route, i): Route => ({ ...route, name: `r${i}` })));

function haveCommon(a: Route, b: Route): boolean {
  const names = ({ hostnames }: Route): readonly string[] => (hostnames.length === 0 ? ['*'] : hostnames);
  return names(a).some((one) => names(b).some((other) => intersectHostnames(one, other) !== undefined));
}

/** The specification's words, one route after the other in the order of age. */
function expected(routes: readonly Route[]): readonly string[] {
  const accepted: Route[] = [];
  const byAge = routes.toSorted((a, b) => a.second - b.second || (a.name < b.name ? -1 : 1));
  for (const route of byAge) {
    if (!accepted.some((other) => other.kind !== route.kind && haveCommon(other, route))) accepted.push(route);
  }
  return accepted.map(({ name }) => name).toSorted();
}

function acceptedIn(projection: Projection): readonly string[] {
  return projection
    .statuses('eu', undefined, 1000)
    .items.flatMap(({ kind, name, status }) => {
      const isRoute = kind === 'HTTPRoute' || kind === 'GRPCRoute';
      return isRoute && JSON.stringify(status).includes('"reason":"Accepted"') ? [name] : [];
    })
    .toSorted();
}

void t.test('exactly one of two kinds is accepted, by age', async () => {
  fc.assert(
    fc.property(someRoutes, fc.array(fc.nat({ max: 4 }), { maxLength: 3 }), (routes, gone) => {
      const projection = new Projection();
      const fold = (events: readonly ReturnType<typeof applied>[]): void => {
        const history = events.map((event, i) => ({ seq: BigInt(i), event }));
        projection.apply({ events: history, slices: [], sealed: [] }, () => assert.fail('no rollback here'));
      };
      fold(base.map((one) => applied(one)));
      for (const route of routes) fold([applied(toManifest(route))]);
      assert.deepStrictEqual(acceptedIn(projection), expected(routes));
      const left = routes.filter((_, i) => !gone.includes(i));
      fold(routes.filter((_, i) => gone.includes(i)).map((route) => deleted(toManifest(route))));
      assert.deepStrictEqual(acceptedIn(projection), expected(left));
    }),
    { numRuns: 300 },
  );
});

void t.test('a chain that is longer than what is looked at accepts too little, and never both', async (t) => {
  const given = new Given();
  const chain = Array.from({ length: 12 }, (_, i): Route => {
    const hostnames = [`h${i}.com`, `h${i + 1}.com`];
    return {
      kind: i % 2 === 0 ? 'HTTPRoute' : 'GRPCRoute',
      name: `r${String(i).padStart(2, '0')}`,
      second: i,
      hostnames,
    };
  });
  given.apply([...base, ...chain.map(toManifest)]);
  const accepted = chain.filter(({ name }) => acceptedIn(given.projection).includes(name));
  t.ok(accepted.length > 0);
  for (const one of accepted) {
    t.notOk(accepted.some((other) => other.kind !== one.kind && haveCommon(one, other)));
  }
});

/** Stage executions when one of so many routes, of both kinds, changes. */
function costOfChange(size: number): number {
  const given = new Given();
  given.apply([...base, ...Array.from({ length: size }, (_, i) => numbered(i, `h${i}.com`))]);
  const before = given.projection.executions;
  given.apply([numbered(1, 'h0.com')]);
  return given.projection.executions - before;
}

function numbered(i: number, hostname: string): Manifest {
  return toManifest({ kind: i % 2 === 0 ? 'HTTPRoute' : 'GRPCRoute', name: `r${i}`, second: 1, hostnames: [hostname] });
}

void t.test('a route among many of both kinds costs what it changes', async (t) => {
  t.equal(costOfChange(1000), costOfChange(4));
});
