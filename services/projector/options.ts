// Holds the options of the projector, with their flags, variables and defaults.
import { commandTypes } from '#libs/gateway/command-types.ts';
import { type Options, defineOptions, duration, flag, integer } from '#libs/runtime/config.ts';
import {
  confirmOption,
  databaseOptions,
  listenOptions,
  logLevelOption,
  natsOptions,
  natsReplicasOption,
} from '#libs/runtime/shared-options.ts';
import { limitOptions } from './limits.ts';

export const projectorOptions = defineOptions({
  ...databaseOptions,
  ...natsOptions,
  ...natsReplicasOption,
  ...listenOptions('/healthz, /readyz and /metrics', '7421'),
  batchMax: {
    flag: '--batch-max <messages>',
    env: 'FLEETGATE_BATCH_MAX',
    schema: integer({ min: 1, max: 10_000 }),
    description: 'most messages that are taken from the stream at once',
    default: '1000',
  },
  lease: {
    flag: '--lease <seconds>',
    env: 'FLEETGATE_LEASE',
    schema: integer({ min: 1, max: 3600 }),
    description: 'time without a sign of life after which a leader hangs and a standby takes over',
    default: '15',
  },
  standbyUnready: {
    flag: '--standby-unready',
    env: 'FLEETGATE_STANDBY_UNREADY',
    schema: flag(),
    description: 'answer /readyz with 503 while another projector leads',
  },
  ...limitOptions,
  ...confirmOption(commandTypes),
  confirmWithin: {
    flag: '--confirm-within <duration>',
    env: 'FLEETGATE_CONFIRM_WITHIN',
    schema: duration({ minMs: 1000, maxMs: 7 * 24 * 3_600_000 }),
    description: 'how long a command waits to be confirmed',
    default: '1h',
  },
  logLevel: {
    ...logLevelOption.logLevel,
    description: 'least important lines that are logged (default: info); debug tells the stages that each batch ran',
  },
});

/** Holds what the projector was told. */
export type ProjectorOptions = Options<typeof projectorOptions>;
