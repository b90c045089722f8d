// Holds the options of whoever publishes, verifies and proves the log of the history.
import { duration, defineOptions, flag, list, type Options, text, url } from '#libs/runtime/config.ts';
import { archiveOption } from '../archive-option.ts';
import { limitOptions } from '../limits.ts';
import { databaseOptions, listenOptions, logLevelOption } from '#libs/runtime/shared-options.ts';

const keyOption = {
  key: {
    flag: '--key <vkey...>',
    env: 'FLEETGATE_LOG_VKEY',
    schema: list(20),
    description: 'public keys of the log and of witnesses, or files that hold them',
  },
} as const;

export const publishOptions = defineOptions({
  ...databaseOptions,
  ...listenOptions('/healthz, /readyz and /metrics', '7424'),
  logKey: {
    flag: '--log-key <file...>',
    env: 'FLEETGATE_LOG_KEY_FILE',
    schema: list(4).refine((files) => files.length > 0, 'is required'),
    description: 'file of the key that signs, by `fleetgate audit key generate`; two while a key is replaced',
  },
  earlierKey: {
    flag: '--earlier-key <vkey...>',
    schema: list(20),
    description: 'public key that signed what is published, where its private half is lost',
  },
  checkpoints: {
    flag: '--checkpoints <place>',
    env: 'FLEETGATE_CHECKPOINTS',
    schema: text(),
    description: 'where to publish: a folder, git:FOLDER, or http(s)://… of a store that takes PUT',
  },
  every: {
    flag: '--every <duration>',
    schema: duration({ minMs: 1000 }),
    description: 'time between checkpoints, while there are new events',
    default: '10s',
  },
  once: { flag: '--once', schema: flag(), description: 'publish once and end' },
  witness: {
    flag: '--witness <url>',
    schema: url('http', 'https').optional(),
    description: 'submission prefix of a witness that cosigns (C2SP tlog-witness)',
  },
  witnessKey: { flag: '--witness-key <vkey>', schema: text().optional(), description: 'public key of that witness' },
  ...logLevelOption,
});

export type PublishOptions = Options<typeof publishOptions>;

export const verifyOptions = defineOptions({
  ...databaseOptions,
  checkpoint: {
    flag: '--checkpoint <file...>',
    schema: list(1000),
    description: 'signed checkpoints to compare with, older ones too',
  },
  tiles: {
    flag: '--tiles <place>',
    schema: text().optional(),
    description: 'what was published; its checkpoint counts too, and what was altered is told exactly',
  },
  ...keyOption,
  eventsOnly: {
    flag: '--events-only',
    schema: flag(),
    description: 'leave out whether the snapshots follow from the events',
  },
  progress: { flag: '--progress', schema: flag(), description: 'tell on stderr how far it is' },
  ...archiveOption,
  ...limitOptions,
});

export type VerifyOptions = Options<typeof verifyOptions>;

export const proveOptions = defineOptions({
  databaseUrl: {
    ...databaseOptions.databaseUrl,
    schema: databaseOptions.databaseUrl.schema.optional(),
    description: 'Postgres: for the data of the event, and where its id is given or nothing is published',
  },
  checkpoint: {
    flag: '--checkpoint <file>',
    schema: text().optional(),
    description: 'the signed checkpoint to prove against; default: that of --tiles',
  },
  tiles: { flag: '--tiles <place>', schema: text().optional(), description: 'what was published' },
  ...keyOption,
  withData: {
    flag: '--with-data',
    schema: flag(),
    description: 'with --output json: put the data of the event beside',
  },
});

export type ProveOptions = Options<typeof proveOptions>;

export const checkProofOptions = defineOptions({ ...keyOption });
