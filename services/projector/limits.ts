// Holds the options for the sanity limits, and makes the limits of them. They decide which versions are made, so that a
// rebuild must be given the projector's.
import { type OptionTable, type Options, integer } from '#libs/runtime/config.ts';
import type { Limits } from '#libs/projection/versions/limits.ts';
import { z } from 'zod';

export const limitOptions = {
  entriesMax: {
    flag: '--entries-max <count>',
    env: 'FLEETGATE_ENTRIES_MAX',
    schema: integer({ min: 1 }).optional(),
    description: 'most entries in one gateway; beyond it the last version stays and an alarm says why',
  },
  bytesMax: {
    flag: '--bytes-max <bytes>',
    env: 'FLEETGATE_BYTES_MAX',
    schema: integer({ min: 1 }).optional(),
    description: 'the same for the bytes of its entries',
  },
  removedShareMax: {
    flag: '--removed-share-max <share>',
    env: 'FLEETGATE_REMOVED_SHARE_MAX',
    schema: z.coerce.number().min(0).max(1).optional(),
    description: 'the same for the share of its rules, 0 to 1, that one change may remove',
  },
  removedMin: {
    flag: '--removed-min <count>',
    env: 'FLEETGATE_REMOVED_MIN',
    schema: integer({ min: 0 }).optional(),
    description: 'removals of fewer rules than this are never held back',
  },
  removedRoutesMin: {
    flag: '--removed-routes-min <count>',
    env: 'FLEETGATE_REMOVED_ROUTES_MIN',
    schema: integer({ min: 0 }).optional(),
    description: 'the same for the routes that the rules are of',
  },
} as const satisfies OptionTable;

/** Answers the limits that were given; the others keep their defaults. */
export function limitsOf({
  entriesMax,
  bytesMax,
  removedShareMax,
  removedMin,
  removedRoutesMin,
}: Options<typeof limitOptions>): Partial<Limits> {
  return {
    ...(entriesMax === undefined ? {} : { entriesMax }),
    ...(bytesMax === undefined ? {} : { bytesMax }),
    ...(removedShareMax === undefined ? {} : { removedShareMax }),
    ...(removedMin === undefined ? {} : { removedMin }),
    ...(removedRoutesMin === undefined ? {} : { removedRoutesMin }),
  };
}
