// Holds the options of the node, with their flags, variables and defaults.
import { z } from 'zod';
import { servesProblem, splitServes } from '#libs/snapshot/gateway-glob.ts';
import { defineOptions, duration, flag, integer, list, type Options, port, text, urls } from '#libs/runtime/config.ts';
import { logLevelOption } from '#libs/runtime/shared-options.ts';

export const proxyOptions = defineOptions({
  controlUrl: {
    flag: '--control-url <url...>',
    env: 'FLEETGATE_CONTROL_URL',
    schema: urls(16, 'http', 'https', 'ws', 'wss'),
    description: 'replicas of the control service, tried in turn; repeatable, or with commas',
  },
  token: {
    flag: '--token <token>',
    env: 'FLEETGATE_TOKEN',
    schema: text().optional(),
    description: 'bearer token with the role node',
    secret: true,
  },
  tokenFile: {
    flag: '--token-file <path>',
    env: 'FLEETGATE_TOKEN_FILE',
    schema: text().optional(),
    description: 'file that holds the token, read again at each connect',
  },
  node: {
    flag: '--node <name>',
    env: 'FLEETGATE_NODE',
    schema: z
      .string()
      .max(253)
      .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a DNS name in lower case'),
    description: 'name of this node, stable over restarts',
  },
  label: {
    flag: '--label <key=value...>',
    env: 'FLEETGATE_NODE_LABELS',
    schema: list(64).transform((labels, context) => {
      for (const label of labels)
        if (!/^[^=\s]+=/.test(label)) context.addIssue({ code: 'custom', message: `"${label}" is not key=value` });
      return Object.fromEntries(
        labels.map((label) => [label.split('=')[0] ?? '', label.slice(label.indexOf('=') + 1)]),
      );
    }),
    description: 'labels of this node',
  },
  serves: {
    flag: '--serves <glob...>',
    env: 'FLEETGATE_SERVES',
    schema: z
      .preprocess((value) => (typeof value === 'string' ? splitServes(value) : value), list(256))
      .superRefine((items, context) => {
        for (const item of items) {
          const message = servesProblem(item);
          if (message !== undefined) context.addIssue({ code: 'custom', message });
        }
      }),
    default: '*/*/*',
    description:
      'gateways to serve, as CLUSTER/NAMESPACE/NAME with * within a part, and those with labels of the Gateway only ' +
      'after a ?, such as */*/*?tier=edge,env!=test,key,!key',
  },
  address: {
    flag: '--address <address...>',
    env: 'FLEETGATE_ADDRESS',
    schema: list(16),
    default: '127.0.0.1',
    description: 'addresses at which clients reach this node, for the status of Gateways',
  },
  bind: {
    flag: '--bind <address>',
    env: 'FLEETGATE_BIND',
    schema: text(),
    default: '127.0.0.1',
    description: 'address that listeners bind',
  },
  portOffset: {
    flag: '--port-offset <n>',
    env: 'FLEETGATE_PORT_OFFSET',
    schema: integer({ min: 0, max: 64_000 }),
    default: '0',
    description: 'added to every port of a listener',
  },
  nodeKeyFile: {
    flag: '--node-key-file <path>',
    env: 'FLEETGATE_NODE_KEY_FILE',
    schema: text().optional(),
    description: 'private keys that TLS material is sealed to, one per line',
  },
  data: {
    flag: '--data <dir>',
    env: 'FLEETGATE_NODE_DATA',
    schema: text(),
    default: './data/node',
    description: 'folder of this node: last-good snapshots, Envoy’s files',
  },
  envoyConcurrency: {
    flag: '--envoy-concurrency <n>',
    env: 'FLEETGATE_ENVOY_CONCURRENCY',
    schema: integer({ min: 0, max: 1024 }),
    default: '0',
    description: 'worker threads of Envoy, 0 = one per core',
  },
  healthHost: {
    flag: '--health-host <address>',
    env: 'FLEETGATE_HEALTH_HOST',
    schema: text(),
    default: '127.0.0.1',
    description: 'address of /healthz, /readyz and /metrics',
  },
  healthPort: {
    flag: '--health-port <port>',
    env: 'FLEETGATE_HEALTH_PORT',
    schema: port(),
    default: '7424',
    description: 'port of /healthz, /readyz and /metrics, 0 = any free one',
  },
  activationDeadline: {
    flag: '--activation-deadline <duration>',
    env: 'FLEETGATE_ACTIVATION_DEADLINE',
    schema: duration({ minMs: 100, maxMs: 300_000 }),
    default: '5s',
    description: 'how long Envoy may take for a snapshot before the previous one is put back',
  },
  drain: {
    flag: '--drain <duration>',
    env: 'FLEETGATE_DRAIN',
    schema: duration({ maxMs: 600_000 }),
    default: '5s',
    description: 'how long connections may take to end before Envoy is stopped',
  },
  leaveEnvoy: {
    flag: '--leave-envoy',
    env: 'FLEETGATE_LEAVE_ENVOY',
    schema: flag(),
    description: 'leave Envoy running at the end, for the next process to adopt',
  },
  ...logLevelOption,
});

/** What the node was told. */
export type ProxyOptions = Options<typeof proxyOptions>;
