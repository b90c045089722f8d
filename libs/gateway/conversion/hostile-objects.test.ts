// Sets of objects that no API server should let through, converted: there is always something to say of each, and what
// comes out is as sound as v1's readers want it, or they name what is not. FLEETGATE_SEED=… repeats a run.
import assert from 'node:assert';
import * as fc from 'fast-check';
import t from 'tap';
import type { WrittenObject } from './conversion.ts';
import { convertSet } from './convert-set.ts';
import { isNestedDeeper } from '#libs/gateway/nesting.ts';
import { applied } from '#libs/testing/given/change-events.ts';
import { hostileCases } from '#libs/testing/given/hostile-cases.ts';
import { anyHostileObject } from '#libs/testing/given/hostile-objects.ts';
import { hostileTeam } from '#libs/testing/given/two-teams.ts';

const seed = Number(process.env['FLEETGATE_SEED'] ?? Date.now() % 2 ** 31);

t.comment(`FLEETGATE_SEED=${seed}`);

void t.test('every set of hostile objects is converted', async (t) => {
  const sound = hostileTeam().flatMap(({ object }): readonly WrittenObject[] => (object === null ? [] : [object]));
  const anyCase = fc.constantFrom(...hostileCases).map(({ object }) => object);
  let [converted, told] = [0, 0];
  const sets = fc.array(fc.oneof(anyHostileObject, anyCase), { minLength: 1, maxLength: 40, size: 'max' });
  fc.assert(
    fc.property(sets, (hostile) => {
      const objects = hostile.flatMap((one): readonly WrittenObject[] => {
        const object = isNestedDeeper(one) ? null : applied(one).object;
        return object === null ? [] : [object];
      });
      const results = convertSet([...objects, ...sound]);
      assert.strictEqual(results.length, objects.length + sound.length);
      for (const { objects: made, warnings } of results) {
        for (const object of made) assert.strictEqual(typeof object.metadata.name, 'string');
        for (const warning of warnings) assert.match(warning, /\w/u);
        converted += made.length;
        told += warnings.length;
      }
    }),
    { numRuns: 60, seed },
  );
  t.comment(`${converted} objects made, ${told} warnings`);
  t.ok(converted > 1000 && told > 500);
});
