// Holds the options that more than one service has: connections to Postgres and NATS, where health is served, the log
// level. A service puts those that it needs into its own table (`options.ts` beside its `main.ts`) and may say in
// `description` what it needs them for.
import { z } from 'zod';
import { integer, type OptionSpec, port, text, url, urls, words } from './config.ts';
import { logLevels } from './log.ts';

export const databaseOptions = {
  databaseUrl: {
    flag: '--database-url <url>',
    env: 'DATABASE_URL',
    schema: url('postgres', 'postgresql'),
    description: 'Postgres, version 15 or newer',
    secret: true,
  },
} as const satisfies Record<string, OptionSpec>;

export const natsOptions = {
  natsUrl: {
    flag: '--nats-url <url>',
    env: 'NATS_URL',
    schema: text(),
    description: 'NATS with JetStream: nats://[user:password@|token@]host:port, tls://…',
    secret: true,
  },
  natsToken: {
    flag: '--nats-token <token>',
    env: 'FLEETGATE_NATS_TOKEN',
    schema: text().optional(),
    description: 'token for NATS, where the URL holds none',
    secret: true,
  },
  natsCredentials: {
    flag: '--nats-credentials <text>',
    env: 'FLEETGATE_NATS_CREDENTIALS',
    schema: text().optional(),
    description: 'contents of a NATS credentials file',
    secret: true,
  },
} as const satisfies Record<string, OptionSpec>;

/** Says which commands need a second person at every gateway, beside what gateways ask for themselves. */
export function confirmOption<const W extends string>(commands: readonly W[]) {
  return {
    confirm: {
      flag: '--confirm <commands>',
      env: 'FLEETGATE_CONFIRM',
      schema: words(commands),
      description: `commands that another person must confirm, at every gateway: ${commands.join(',')}`,
    },
  } as const satisfies Record<string, OptionSpec>;
}

/** Says how many copies of the stream to keep, for whoever makes it. */
export const natsReplicasOption = {
  natsReplicas: {
    flag: '--nats-replicas <count>',
    env: 'FLEETGATE_NATS_REPLICAS',
    schema: integer({ min: 1, max: 5 }),
    description: 'copies of the stream, 3 in a NATS cluster',
    default: '1',
  },
} as const satisfies Record<string, OptionSpec>;

/** Says where a service listens. `what` is what it serves there; `defaultPort` is text, as a flag has it. */
export function listenOptions<const P extends string>(what: string, defaultPort: P) {
  return {
    host: {
      flag: '--host <address>',
      env: 'FLEETGATE_HOST',
      schema: text(),
      description: `where ${what} are served`,
      default: '127.0.0.1',
    },
    port: {
      flag: '--port <port>',
      env: 'FLEETGATE_PORT',
      schema: port(),
      description: 'the same; 0 = any free port',
      default: defaultPort,
    },
  } as const satisfies Record<string, OptionSpec>;
}

/** Names the replicas of control, one or more with commas, for nodes that an agent provides. */
export const controlUrlOption = {
  controlUrl: {
    flag: '--control-url <url>',
    env: 'FLEETGATE_CONTROL_URL',
    schema: urls(16, 'http', 'https', 'ws', 'wss')
      .transform((all) => all.join(','))
      .optional(),
    description: 'control as the nodes that are provided reach it; replicas with commas',
  },
} as const satisfies Record<string, OptionSpec>;

/** Says from which level on a service logs. Absent = as its logger was made. */
export const logLevelOption = {
  logLevel: {
    flag: '--log-level <level>',
    env: 'FLEETGATE_LOG_LEVEL',
    schema: z.enum(logLevels).optional(),
    description: 'least important lines that are logged (default: info)',
  },
} as const satisfies Record<string, OptionSpec>;
