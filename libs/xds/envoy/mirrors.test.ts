// The shares of mirrors and the scaled weights: they add up, and keep their proportions.
import * as fc from 'fast-check';
import t from 'tap';
import type { HttpFilter } from '#libs/snapshot/entry.ts';
import { independentWeights, mirrorShares } from './mirrors.ts';

const million = 1_000_000;

void t.test('weights keep their proportions', async (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: million }), { minLength: 1, maxLength: 16 }), (weights) => {
      const total = weights.reduce((sum, one) => sum + one, 0);
      const scaled = independentWeights(weights);
      const sum = scaled.reduce((so, far) => so + far, 0);
      // No draw modulo the sum says anything of one modulo a million.
      const isIndependent = sum < 2 ** 32 && sum % 2 !== 0 && sum % 5 !== 0;
      return isIndependent && weights.every((one, index) => Math.abs((scaled[index] ?? 0) / sum - one / total) < 1e-9);
    }),
  );
  t.strictSame(independentWeights([1]), [4_294_967_291]);
});

void t.test('each mirror gets its share, whatever the others get', async () => {
  const fraction = fc.record({ numerator: fc.nat(100), denominator: fc.constant(100) });
  fc.assert(
    fc.property(fc.array(fraction, { maxLength: 3 }), fc.boolean(), (fractions, isAlone) => {
      const filters = fractions.map((one, index): HttpFilter => ({
        type: 'mirror',
        backend: { key: `${index}` },
        ...one,
      }));
      const shares = mirrorShares(filters, (key) => key, isAlone ? 'all requests' : 'a share');
      const all = shares.reduce((sum, { share }) => sum + share, 0);
      const isDrawn = JSON.stringify(shares).includes('runtime_fraction');
      const isRight = fractions.every(({ numerator }, index) => {
        const own = shares.filter(({ policies }) => policies.some(({ cluster }) => cluster === `${index}`));
        const copied = own.reduce((sum, { share }) => sum + share, 0);
        return isDrawn ? shares.length === 1 : Math.abs(copied - numerator / 100) < 1e-9;
      });
      return Math.abs(all - 1) < 1e-9 && isRight && (isAlone || !isDrawn);
    }),
  );
});

void t.test('there are never more than eight shares', async (t) => {
  const shares = mirrorShares(['a', 'b', 'c', 'd', 'e'].map(halfTo), (key) => key, 'all requests');
  t.equal(shares.length, 8);
  t.strictSame(
    shares.at(-1)?.policies.map(({ cluster }) => cluster),
    ['d', 'e'],
    'the others draw',
  );
});

t.end();

function halfTo(key: string): HttpFilter {
  return { type: 'mirror', backend: { key }, numerator: 1, denominator: 2 };
}
