// Holds the options of the agent, with their flags, variables and defaults.
import { type Options, defineOptions, dnsLabel, duration, flag, integer, text } from '#libs/runtime/config.ts';
import { controlUrlOption, listenOptions, natsOptions } from '#libs/runtime/shared-options.ts';

/** Lists the options of `fleetgate agent`. */
export const agentOptions = defineOptions({
  cluster: {
    flag: '--cluster <name>',
    env: 'FLEETGATE_CLUSTER',
    schema: dnsLabel(),
    description: 'name of the cluster in the fleet',
  },
  folder: {
    flag: '--folder <folder>',
    env: 'FLEETGATE_FOLDER',
    schema: text().optional(),
    description: 'watch a folder of manifests; without it and --context: the cluster that this process runs in',
  },
  context: {
    flag: '--context <context>',
    env: 'FLEETGATE_CONTEXT',
    schema: text().optional(),
    description: 'watch the cluster of this kubeconfig context',
  },
  kubeconfig: {
    flag: '--kubeconfig <path>',
    schema: text().optional(),
    description: 'where the context is; default KUBECONFIG, then ~/.kube/config',
  },
  ...natsOptions,
  nodePublicKey: {
    flag: '--node-public-key <base64>',
    env: 'FLEETGATE_NODE_PUBLIC_KEY',
    schema: text().optional(),
    description: 'key of the fleet that TLS material is sealed to; without it listeners get no certificates',
  },
  provision: {
    flag: '--provision',
    env: 'FLEETGATE_PROVISION',
    schema: flag(),
    description: 'provide a data plane for each Gateway of our classes: Deployment, Service and what belongs to them',
  },
  ...controlUrlOption,
  controlCa: {
    flag: '--control-ca <pem>',
    env: 'FLEETGATE_CONTROL_CA',
    schema: text().optional(),
    description: 'authorities that those nodes trust at the control URL, beside the usual ones',
  },
  provisionerToken: {
    flag: '--provisioner-token <token>',
    env: 'FLEETGATE_PROVISIONER_TOKEN',
    schema: text().optional(),
    description: 'token with the role provisioner, from which those of the nodes are derived',
    secret: true,
  },
  nodeImage: {
    flag: '--node-image <image>',
    env: 'FLEETGATE_NODE_IMAGE',
    schema: text().optional(),
    description: 'image of the nodes that are provided; default: the one of this version',
  },
  namespace: {
    flag: '--namespace <namespace>',
    env: 'FLEETGATE_NAMESPACE',
    schema: dnsLabel(),
    description: 'where data planes that a class shares are provided',
    default: 'fleetgate-system',
  },
  data: {
    flag: '--data <folder>',
    env: 'FLEETGATE_DATA',
    schema: text().optional(),
    description:
      'where the identity of the objects of a folder is kept; default ~/.local/state/fleetgate/agent-<cluster>',
  },
  relistPeriod: {
    flag: '--relist-period <duration>',
    env: 'FLEETGATE_RELIST_PERIOD',
    schema: duration({ minMs: 1000 }),
    description: 'how often everything is compared',
    default: '10m',
  },
  statusRate: {
    flag: '--status-rate <count>',
    env: 'FLEETGATE_STATUS_RATE',
    schema: integer({ min: 1, max: 10_000 }),
    description: 'most status writes per second in the long run; five times as many at once after a calm',
    default: '100',
  },
  auditListen: {
    flag: '--audit-listen <address>',
    env: 'FLEETGATE_AUDIT_LISTEN',
    schema: text().optional(),
    description: 'HOST:PORT where audit events and admission reviews are taken, over HTTPS',
  },
  auditCertFile: {
    flag: '--audit-cert-file <path>',
    env: 'FLEETGATE_AUDIT_CERT_FILE',
    schema: text().optional(),
    description: 'certificate (PEM) of that address; a new one is taken without a restart',
  },
  auditKeyFile: {
    flag: '--audit-key-file <path>',
    env: 'FLEETGATE_AUDIT_KEY_FILE',
    schema: text().optional(),
    description: 'its key (PEM)',
  },
  auditToken: {
    flag: '--audit-token <token>',
    env: 'FLEETGATE_AUDIT_TOKEN',
    schema: text().optional(),
    description: 'token by which the API server is known there',
    secret: true,
  },
  auditClientCaFile: {
    flag: '--audit-client-ca-file <path>',
    env: 'FLEETGATE_AUDIT_CLIENT_CA_FILE',
    schema: text().optional(),
    description: 'authority (PEM) of the certificates by which API servers are known there',
  },
  auditFile: {
    flag: '--audit-file <path>',
    env: 'FLEETGATE_AUDIT_FILE',
    schema: text().optional(),
    description: 'file of audit events, as JSON Lines, that is read as it grows',
  },
  auditPlaceFile: {
    flag: '--audit-place-file <path>',
    env: 'FLEETGATE_AUDIT_PLACE_FILE',
    schema: text().optional(),
    description: 'where is kept how far that file was read; without it a start begins with what comes',
  },
  auditWait: {
    flag: '--audit-wait <duration>',
    env: 'FLEETGATE_AUDIT_WAIT',
    schema: duration({ minMs: 1000, maxMs: 3_600_000 }),
    description: 'how long the author of a change is awaited before it is told as unknown',
    default: '90s',
  },
  ...listenOptions('/healthz, /readyz and /metrics', '7423'),
});

/** What the agent was told. */
export type AgentOptions = Options<typeof agentOptions>;
