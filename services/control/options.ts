// Holds the options of control, with their flags, variables and defaults.
import { z } from 'zod';
import { type Options, defineOptions, duration, integer, pattern, words } from '#libs/runtime/config.ts';
import { commandTypes } from '#libs/gateway/command-types.ts';
import { confirmOption, databaseOptions, listenOptions, natsOptions } from '#libs/runtime/shared-options.ts';

export const controlOptions = defineOptions({
  ...databaseOptions,
  ...natsOptions,
  natsUrl: { ...natsOptions.natsUrl, description: 'NATS with JetStream, for commands' },
  ...listenOptions('the API, the hub, /healthz, /readyz and /metrics', '7420'),
  requestsPerSecond: {
    flag: '--requests-per-second <count>',
    env: 'FLEETGATE_REQUESTS_PER_SECOND',
    schema: integer({ min: 1, max: 100_000 }),
    description: 'API requests that one token may make in the long run; twice as many at once',
    default: '100',
  },
  forgetNodesAfter: {
    flag: '--forget-nodes-after <duration>',
    env: 'FLEETGATE_FORGET_NODES_AFTER',
    schema: duration({ minMs: 60_000, maxMs: 365 * 24 * 3_600_000 }),
    description: 'how long a node counts that is silent and did not say goodbye',
    default: '24h',
  },
  personalDataFor: {
    flag: '--personal-data-for <role>',
    env: 'FLEETGATE_PERSONAL_DATA_FOR',
    schema: z.enum(['viewer', 'operator', 'admin']),
    description: 'lowest role that sees names and addresses of people: viewer, operator or admin',
    default: 'viewer',
  },
  ...confirmOption(commandTypes),
  requireReason: {
    flag: '--require-reason <roles>',
    env: 'FLEETGATE_REQUIRE_REASON',
    schema: words(['operator', 'admin']),
    description: 'roles whose commands and changes of tokens and nodes must say why: operator,admin',
  },
  ticketPattern: {
    flag: '--ticket-pattern <expression>',
    env: 'FLEETGATE_TICKET_PATTERN',
    schema: pattern().optional(),
    description: 'regular expression that the whole of each ticket must match, for example [A-Z]+-[0-9]+',
  },
  apiConnectionsMax: {
    flag: '--api-connections-max <count>',
    env: 'FLEETGATE_API_CONNECTIONS_MAX',
    schema: integer({ min: 1, max: 100 }),
    description: 'connections to Postgres for the API',
    default: '8',
  },
});

/** What control was told. */
export type ControlOptions = Options<typeof controlOptions>;
