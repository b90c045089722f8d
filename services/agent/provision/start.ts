// Starts the provisioner that the options of an agent ask for.
import { isRecord } from '#libs/gateway/fields/record.ts';
import { toLocalKey } from '#libs/gateway/object-key.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { deriveNodeKey } from '#libs/runtime/scoped-token.ts';
import packageFile from '../../../package.json' with { type: 'json' };
import type { AgentOptions } from '../options.ts';
import type { ApiClient } from '../kubernetes/api-client.ts';
import type { LiveObjects } from '../objects/live-objects.ts';
import type { Problems } from '../problems.ts';
import type { ProvisionSettings } from './objects.ts';
import { Provisioner } from './provisioner.ts';

/**
 * Reads the settings of the data planes; null = none are to be provided. Throws FleetgateError 'config' for what is
 * missing.
 */
export function readProvisionSettings(options: AgentOptions): ProvisionSettings | null {
  const { provision, cluster, namespace, controlUrl, controlCa, provisionerToken, nodeImage } = options;
  if (!provision) return null;
  if (controlUrl === undefined || provisionerToken === undefined) {
    throw fail('config', '--provision needs --control-url and --provisioner-token', {
      hint: 'Make the token by `fleetgate token create --role provisioner --name NAME`.',
    });
  }
  const image = nodeImage ?? `ghcr.io/fleetgate/fleetgate:${packageFile.version}`;
  return { cluster, namespace, controlUrl, controlCa, provisionerToken, image };
}

/**
 * Derives the public keys that TLS material of Gateways is sealed to beside the fleet's, by their namespace;
 * undefined = no data planes are provided.
 */
export function namespaceKeys(settings: ProvisionSettings | null): ((namespace: string) => string) | undefined {
  if (settings === null) return undefined;
  const { provisionerToken, cluster } = settings;
  return (namespace) => deriveNodeKey(provisionerToken, cluster, namespace).publicKey;
}

/** Starts the provisioner of an agent, which learns of classes from the live objects. */
export function startProvisioner(options: {
  readonly settings: ProvisionSettings;
  readonly client: ApiClient;
  readonly live: LiveObjects;
  readonly problems: Problems;
  readonly log: Logger;
}): Provisioner {
  const { settings, client, live, problems, log } = options;
  return new Provisioner({
    settings,
    client,
    log,
    onProblem: (about, sentence) => problems.set(about, sentence),
    classOf: (namespace, gateway) => {
      const spec = live.get(toLocalKey({ kind: 'Gateway', namespace, name: gateway }))?.object['spec'];
      const className = isRecord(spec) ? spec['gatewayClassName'] : undefined;
      return typeof className === 'string' ? className : undefined;
    },
    classUid: (className) =>
      live.get(toLocalKey({ kind: 'GatewayClass', namespace: '', name: className }))?.object.metadata.uid,
  });
}
