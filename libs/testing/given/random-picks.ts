// Picks values at random for generators of tests.
import * as fc from 'fast-check';

/** Gives one of the values. */
export const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);

/** Gives the value once in `absent` + 1 times. */
export const rarely = <T>(what: fc.Arbitrary<T>, absent = 2): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: absent, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: what });
