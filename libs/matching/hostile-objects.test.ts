// What is made of objects that no API server should let through, asked for verdicts: there is always one.
// FLEETGATE_SEED=… repeats a run.
import * as fc from 'fast-check';
import t from 'tap';
import { isNestedDeeper } from '#libs/gateway/nesting.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { Projection } from '#libs/projection/projection.ts';
import { applied } from '#libs/testing/given/change-events.ts';
import { hostileCases } from '#libs/testing/given/hostile-cases.ts';
import { anyHostileObject, hostileTexts } from '#libs/testing/given/hostile-objects.ts';
import { hostileTeam, isSlice, victims } from '#libs/testing/given/two-teams.ts';
import { explainRequest } from './explain.ts';
import { compileMatcher, type MatcherGateway } from './matcher.ts';
import type { HttpRequest } from './request.ts';

const seed = Number(process.env['FLEETGATE_SEED'] ?? Date.now() % 2 ** 31);
const gateways = ['infra/private', 'infra/shared', 'evil/gate', 'evil/gate-rich', 'evil/older'];
const perRound = 60;

t.comment(`FLEETGATE_SEED=${seed}`);

const hosts = ['sentinel.good.test', 'www.evil.test', 'a.wild.evil.test', 'older.evil.test', 'tls.evil.test'];
const text = fc.oneof(fc.constantFrom(...hostileTexts), fc.string({ unit: 'binary' }));
const request: fc.Arbitrary<HttpRequest> = fc.record(
  {
    port: fc.constantFrom(80, 80, 80, 443, 8080, 8081, 8443, 9000, -1),
    method: fc.constantFrom('GET', 'OPTIONS', 'POST', ''),
    host: fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...hosts) }, text),
    path: fc.oneof(fc.constantFrom('/', '/a', '/exact', '/moved/x', '/a?q=text&r=b'), text),
    headers: fc.array(fc.tuple(fc.constantFrom('x-a', 'origin', 'X-B', 'access-control-request-method', ''), text)),
    tls: fc.record({ serverName: text }, { requiredKeys: [] }),
  },
  { requiredKeys: ['port', 'method', 'host', 'path', 'headers'] },
);

/** The entries of all gateways, as objects come. */
class Fleet {
  readonly #projection = new Projection();
  readonly #stored = new Map<string, Entry>();

  fold(objects: readonly Parameters<typeof applied>[0][], resourceVersion: string): readonly MatcherGateway[] {
    const all = [...victims(), ...hostileTeam(resourceVersion)];
    const events = [...all, ...objects.map((one) => applied(one, 'eu', `${resourceVersion}1`))];
    const change = this.#projection.apply(
      {
        events: events.filter((event) => !isSlice(event)).map((event, index) => ({ seq: BigInt(index), event })),
        slices: events.filter(isSlice),
        sealed: [],
      },
      () => {
        throw new Error('no rollback here');
      },
    );
    for (const [hash, json] of change.entries) this.#stored.set(hash, parseEntry(json));
    return gateways.map((name) => ({ gateway: `eu/${name}`, entries: this.#entriesOf(`eu/${name}`) }));
  }

  #entriesOf(gateway: string): readonly (readonly [string, Entry])[] {
    return [...(this.#projection.content(gateway)?.entries ?? [])].flatMap(([key, hash]) => {
      const entry = this.#stored.get(hash);
      return entry === undefined ? [] : [[key, entry] as const];
    });
  }
}

void t.test('every snapshot gives a verdict on every request', async (t) => {
  const chance = fc.sample(anyHostileObject, { numRuns: 600, seed }).filter((one) => !isNestedDeeper(one));
  const objects = [...chance, ...hostileCases.map(({ object }) => object)];
  const requests = fc.sample(request, { numRuns: 2000, seed });
  const fleet = new Fleet();
  let [rules, verdicts] = [0, 0];
  for (let at = 0; at < objects.length; at += perRound) {
    const matcher = compileMatcher(fleet.fold(objects.slice(at, at + perRound), `${at + 2}`));
    for (let count = 0; count < 50; count++) {
      const sent = requests[(at + count) % requests.length];
      if (sent === undefined) continue;
      if (matcher.match(sent).type === 'rule') rules += 1;
      explainRequest(matcher, sent);
      matcher.connect({ port: sent.port, transport: count % 2 === 0 ? 'tcp' : 'udp', tls: { serverName: sent.host } });
      verdicts += 1;
    }
    const asked = { port: 80, method: 'GET', host: 'sentinel.good.test', path: '/', headers: [] };
    t.equal(matcher.match(asked).type, 'rule', 'the neighbour is found');
  }
  t.comment(`${objects.length} objects, ${verdicts} verdicts, ${rules} by rules`);
  t.ok(rules > 20, `${rules} rules answered`);
});

function parseEntry(json: string): Entry {
  return JSON.parse(json);
}
