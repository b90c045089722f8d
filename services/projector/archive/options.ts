// Holds the options of the archive.
import { type Options, defineOptions, duration, text } from '#libs/runtime/config.ts';
import { databaseOptions, logLevelOption } from '#libs/runtime/shared-options.ts';

const dayMs = 24 * 3_600_000;

export const archiveOptions = defineOptions({
  databaseUrl: { ...databaseOptions.databaseUrl, description: 'the database, as the owner of its tables' },
  to: {
    flag: '--to <place>',
    schema: text(),
    description: 'where they go: a folder, git:FOLDER, or http(s)://… of a store that takes PUT',
  },
  olderThan: {
    flag: '--older-than <duration>',
    schema: duration({ minMs: 1000, maxMs: 100 * 365 * dayMs }),
    description: 'how old events and versions are that leave: 90d, 12h',
    default: '90d',
  },
  every: {
    flag: '--every <duration>',
    schema: duration({ minMs: 1000 }).optional(),
    description: 'go on, and archive again so often',
  },
  ...logLevelOption,
});

export type ArchiveOptions = Options<typeof archiveOptions>;
