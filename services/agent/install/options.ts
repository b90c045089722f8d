// Holds the options of `fleetgate agent manifest`, `install` and `uninstall`.
import { z } from 'zod';
import { type Options, defineOptions, dnsLabel, duration, flag, text, url } from '#libs/runtime/config.ts';
import { controlUrlOption } from '#libs/runtime/shared-options.ts';

const where = {
  context: {
    flag: '--context <context>',
    schema: text().optional(),
    description: 'kubeconfig context of the cluster; default: the current one',
  },
  kubeconfig: {
    flag: '--kubeconfig <path>',
    schema: text().optional(),
    description: 'where the context is; default KUBECONFIG, then ~/.kube/config',
  },
  dryRun: {
    flag: '--dry-run',
    schema: flag(),
    description: 'ask the API server what would happen, and change nothing',
  },
} as const;

const namespace = {
  namespace: {
    flag: '--namespace <namespace>',
    schema: dnsLabel(),
    description: 'where the agent runs',
    default: 'fleetgate-system',
  },
} as const;

const content = {
  cluster: {
    flag: '--cluster <name>',
    env: 'FLEETGATE_CLUSTER',
    schema: dnsLabel(),
    description: 'name of the cluster in the fleet',
  },
  natsUrl: {
    flag: '--nats-url <url>',
    env: 'NATS_URL',
    schema: text(),
    description: 'NATS as pods reach it: nats://host:port, tls://host:port',
    secret: true,
  },
  natsToken: {
    flag: '--nats-token <token>',
    env: 'FLEETGATE_NATS_TOKEN',
    schema: text().optional(),
    description: 'token for NATS',
    secret: true,
  },
  natsCredentialsFile: {
    flag: '--nats-credentials-file <path>',
    schema: text().optional(),
    description: 'NATS credentials file; its contents go into a Secret',
  },
  nodePublicKey: {
    flag: '--node-public-key <base64>',
    env: 'FLEETGATE_NODE_PUBLIC_KEY',
    schema: text().optional(),
    description: 'key of the fleet that TLS material is sealed to',
  },
  image: {
    flag: '--image <image>',
    schema: text().optional(),
    description: 'image of the agent; default: the one of this version',
  },
  provision: {
    flag: '--provision',
    schema: flag(),
    description: 'let the agent provide a data plane for each Gateway; needs --control-url and --provisioner-token',
  },
  ...controlUrlOption,
  controlCaFile: {
    flag: '--control-ca-file <path>',
    schema: text().optional(),
    description: 'authorities (PEM) that those nodes trust at the control URL, beside the usual ones',
  },
  provisionerToken: {
    flag: '--provisioner-token <token>',
    env: 'FLEETGATE_PROVISIONER_TOKEN',
    schema: text().optional(),
    description: 'token with the role provisioner; the tokens of the nodes are derived from it',
    secret: true,
  },
  nodeImage: {
    flag: '--node-image <image>',
    schema: text().optional(),
    description: 'image of the nodes that are provided; default: that of the agent',
  },
  audit: {
    flag: '--audit <mode>',
    schema: z.enum(['webhook', 'admission']).optional(),
    description:
      'let the agent learn who changes what: from the API server’s audit (webhook), or where that cannot be had, ' +
      'from admission reviews (admission)',
  },
  auditUrl: {
    flag: '--audit-url <url>',
    schema: url('https').optional(),
    description: 'where hosts of API servers reach the agent’s receiver; default: the cluster address of its Service',
  },
  auditFiles: {
    flag: '--audit-files <folder>',
    schema: text().optional(),
    description: 'where the files for the hosts of API servers are written; without it they are printed',
  },
  gatewayClass: {
    flag: '--no-gateway-class',
    schema: z.boolean(),
    description: 'leave out the GatewayClass fleetgate',
    default: true,
  },
} as const;

/** Lists the options of `fleetgate agent manifest`. */
export const manifestOptions = defineOptions({
  ...content,
  ...namespace,
  output: {
    flag: '--output <format>',
    schema: z.enum(['yaml', 'json']),
    description: 'yaml or json',
    default: 'yaml',
  },
});

/** Lists the options of `fleetgate agent install`. */
export const installOptions = defineOptions({
  ...content,
  ...namespace,
  ...where,
  timeout: {
    flag: '--timeout <duration>',
    schema: duration(),
    description: 'how long to wait for the agent to be ready; 0s = not at all',
    default: '2m',
  },
});

/** Lists the options of `fleetgate agent uninstall`. */
export const uninstallOptions = defineOptions({
  ...namespace,
  ...where,
  timeout: {
    flag: '--timeout <duration>',
    schema: duration(),
    description: 'how long to wait for the agent to stop',
    default: '1m',
  },
});

/** What `fleetgate agent manifest` was told. */
export type ManifestOptions = Options<typeof manifestOptions>;
/** What `fleetgate agent install` was told. */
export type InstallOptions = Options<typeof installOptions>;
/** What `fleetgate agent uninstall` was told. */
export type UninstallOptions = Options<typeof uninstallOptions>;
