// Holds the options of a rebuild: where the history is, and the limits that the projector has.
import { type Options, defineOptions, flag } from '#libs/runtime/config.ts';
import { databaseOptions } from '#libs/runtime/shared-options.ts';
import { limitOptions } from '../limits.ts';

export const rebuildOptions = defineOptions({
  ...databaseOptions,
  verify: { flag: '--verify', schema: flag(), description: 'only compare what is stored with what the history gives' },
  ...limitOptions,
});

/** Holds what a rebuild was told. */
export type RebuildOptions = Options<typeof rebuildOptions>;
