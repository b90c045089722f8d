// Holds the options of a rebuild: where the history is, and the limits that the projector has.
import { type Options, defineOptions, flag, integer, text } from '#libs/runtime/config.ts';
import { databaseOptions } from '#libs/runtime/shared-options.ts';
import { archiveOption } from '../archive-option.ts';
import { limitOptions } from '../limits.ts';

export const rebuildOptions = defineOptions({
  ...databaseOptions,
  verify: { flag: '--verify', schema: flag(), description: 'only compare what is stored with what the history gives' },
  repair: {
    flag: '--repair <event>',
    schema: integer({ min: 1 }).optional(),
    description: 'mend an event that cannot be read, by appending what it says',
  },
  setAside: {
    flag: '--set-aside',
    schema: flag(),
    description: 'with --repair: let the event say nothing where it cannot be mended',
  },
  reason: { flag: '--reason <text>', schema: text().optional(), description: 'with --repair: why, for the history' },
  ...archiveOption,
  ...limitOptions,
});

type All = Options<typeof rebuildOptions>;
type Repair = Pick<All, 'repair' | 'setAside' | 'reason' | 'archive'>;

/** Holds what a rebuild was told, or which event to repair. */
export type RebuildOptions = Omit<All, keyof Repair> & Partial<Repair>;
