// Explains and converts folders of manifests that no API server would let through: what cannot be read is a problem
// that is told, and the neighbour is explained all the same. FLEETGATE_SEED=… repeats a run.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import t from 'tap';
import { applied, type Manifest } from '#libs/testing/given/change-events.ts';
import { hostileCases } from '#libs/testing/given/hostile-cases.ts';
import { anyHostileObject } from '#libs/testing/given/hostile-objects.ts';
import { isNestedDeeper } from '#libs/gateway/nesting.ts';
import { throwawayFolder } from '#libs/testing/peers/throwaway.ts';
import { hostileTeam, victims } from '#libs/testing/given/two-teams.ts';
import { parseObjects } from '../manifests/written-objects.ts';
import { printConverted } from '../views/converted-text.ts';
import { convertSet } from '#libs/gateway/conversion/convert-set.ts';
import { explain } from './explanation.ts';
import { explanationText } from './explanation-text.ts';
import { readManifestsGround } from './manifests-ground.ts';
import { readTyped } from './typed-request.ts';

const seed = Number(process.env['FLEETGATE_SEED'] ?? Date.now() % 2 ** 31);
const rounds = 5;
const perRound = 80;

/** From what the history does not take to what no program's stack holds. */
const deepTexts = [150, 1000, 3000, 20_000].map((depth) => {
  const metadata = `{"name":"deep-${depth}","namespace":"evil"}`;
  const data = `${'['.repeat(depth)}${']'.repeat(depth)}`;
  return `{"apiVersion":"gateway.networking.k8s.io/v1","kind":"HTTPRoute","metadata":${metadata},"spec":${data}}`;
});

t.comment(`FLEETGATE_SEED=${seed}`);

void t.test('hostile manifests are explained and converted', async (t) => {
  const anyCase = fc.constantFrom(...hostileCases).map(({ object }) => object);
  const objects = fc.sample(fc.oneof(anyHostileObject, anyCase), { numRuns: rounds * perRound, seed });
  let [problems, answered] = [0, 0];
  for (let round = 0; round < rounds; round++) {
    const folder = await throwawayFolder(t);
    const sound = [...victims(), ...hostileTeam()].map(({ object }) => object);
    writeFileSync(join(folder, 'a.json'), listOf(sound));
    const some = objects.slice(round * perRound, (round + 1) * perRound);
    for (const [index, one] of some.entries()) writeFileSync(join(folder, `h${index}.json`), textOf(one));
    for (const [index, text] of deepTexts.entries()) writeFileSync(join(folder, `deep${index}.json`), text);
    const ground = await readManifestsGround(folder, 'eu');
    problems += ground.problems.length;
    for (const url of ['http://sentinel.good.test/', 'http://www.evil.test/a', 'https://tls.evil.test/%00']) {
      const read = readTyped({
        method: 'GET',
        url,
        headers: [],
        serverName: undefined,
        certificate: undefined,
        port: undefined,
      });
      if ('problem' in read) continue;
      const text = explanationText(explain(ground, read), { title: url, all: true, endpoints: ground.endpoints });
      if (url.includes('sentinel')) t.match(text, /infra\/shared/u, `round ${round}: the neighbour`);
      answered += 1;
    }
    const written = some.filter((one) => !isNestedDeeper(one)).flatMap((one) => parseObjects('file', textOf(one)));
    t.type(printConverted(convertSet(written), 'yaml'), 'string');
  }
  t.comment(`${objects.length} objects, ${problems} problems, ${answered} answers`);
  t.ok(problems > rounds, `${problems} problems`);
});

function listOf(items: readonly unknown[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

/** As a file holds it: with its group and version. */
function textOf(manifest: Manifest): string {
  if (isNestedDeeper(manifest)) return '{}';
  const { apiVersion } = applied(manifest).object ?? manifest;
  return JSON.stringify({ apiVersion, ...manifest });
}
