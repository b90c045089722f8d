// Prints, installs and removes the agent of a cluster: what `fleetgate agent manifest`, `install` and `uninstall` do.
import { keyIdOf } from '#libs/runtime/hpke.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { openApiClient } from '../kubernetes/api-client.ts';
import { loadContext } from '../kubernetes/kube-config.ts';
import { describeRelease } from './gateway-api-release.ts';
import {
  type Output,
  auditObjects,
  describeHosts,
  keepAuditSecret,
  newAuditSecret,
  printHosts,
} from './install-audit.ts';
import { InstallClient } from './install-client.ts';
import { type InstallObject, agentName, buildManifest, printManifest as renderManifest } from './manifest.ts';
import type { InstallOptions, ManifestOptions, UninstallOptions } from './options.ts';
import { awaitRemoval, awaitRollout } from './rollout.ts';

/** Prints the objects. Throws FleetgateError. */
export function printManifest(options: ManifestOptions, output: Output): void {
  checkKey(options.nodePublicKey, output.say);
  const secret = newAuditSecret(options);
  output.out(renderManifest(buildManifest(options, secret), options.output));
  if (secret !== undefined) printHosts(options, secret, output);
}

/**
 * Applies the objects, each as one line, then waits for the agent. Repeating it changes nothing. Throws FleetgateError.
 */
export async function installAgent(options: InstallOptions, output: Output, signal: AbortSignal): Promise<void> {
  const { out, say } = output;
  checkKey(options.nodePublicKey, say);
  if (/\/\/([^@/]*@)?(localhost|127\.|\[::1\])/.test(options.natsUrl)) {
    say('warning: --nats-url names this machine itself; pods will not reach it there');
  }
  await withClient(options, async (client) => {
    const secret = await keepAuditSecret(options, client);
    for (const object of buildManifest(options, secret)) {
      const applied = await client.apply(object);
      out(`${line(object)} ${applied}${dryRunNote(options)}\n`);
    }
    for (const object of auditObjects(options.namespace, options.audit)) {
      if ((await client.delete(object)) === 'deleted') out(`${line(object)} deleted${dryRunNote(options)}\n`);
    }
    if (!options.dryRun && options.timeout > 0) {
      const { namespace, timeout } = options;
      await awaitRollout({ client, namespace, name: agentName, timeoutMs: timeout, say, signal });
      out(`agent of cluster ${options.cluster} is ready\n`);
    }
    for (const sentence of await describeRelease(client)) say(sentence);
    if (secret !== undefined && !options.dryRun) await describeHosts(options, secret, client, output);
  });
}

/**
 * Deletes what `installAgent` made. The agent goes first and the GatewayClass last, so that the fleet does not see the
 * class go and goes on serving what it knows of the cluster. Throws FleetgateError.
 */
export async function uninstallAgent(
  options: UninstallOptions,
  { out, say }: Output,
  signal: AbortSignal,
): Promise<void> {
  const { namespace } = options;
  const objects = [...buildManifest({ ...nothing, namespace }), ...auditObjects(namespace)];
  await withClient(options, async (client) => {
    for (const object of objects.toSorted((a, b) => removalOrder(a) - removalOrder(b))) {
      const deleted = await client.delete(object);
      out(`${line(object)} ${deleted}${dryRunNote(options)}\n`);
      if (object.kind !== 'Deployment' || deleted !== 'deleted' || options.dryRun) continue;
      const waiting = { client, namespace, name: agentName, timeoutMs: options.timeout, signal };
      if (!(await awaitRemoval(waiting))) say('warning: the agent is still stopping');
      for (const provided of await client.listProvided()) out(`${line(provided)} ${await client.delete(provided)}\n`);
    }
  });
}

const nothing: Omit<ManifestOptions, 'output' | 'namespace'> = {
  cluster: '',
  natsUrl: '',
  natsToken: undefined,
  natsCredentialsFile: undefined,
  nodePublicKey: undefined,
  image: undefined,
  provision: true,
  controlUrl: '',
  controlCaFile: undefined,
  provisionerToken: '',
  nodeImage: undefined,
  audit: undefined,
  auditUrl: undefined,
  auditFiles: undefined,
  gatewayClass: true,
};

function removalOrder({ kind }: InstallObject): number {
  return (
    [
      'ValidatingWebhookConfiguration',
      'Deployment',
      'Secret',
      'ServiceAccount',
      'ClusterRoleBinding',
      'ClusterRole',
      'Namespace',
    ].indexOf(kind) >>> 0
  );
}

function dryRunNote({ dryRun }: { readonly dryRun: boolean }): string {
  return dryRun ? ' (dry run)' : '';
}

async function withClient(
  options: { readonly context: string | undefined; readonly kubeconfig: string | undefined; readonly dryRun: boolean },
  work: (client: InstallClient) => Promise<void>,
): Promise<void> {
  const client = openApiClient(loadContext(options.context ?? '', options.kubeconfig));
  try {
    await work(new InstallClient(client, options.dryRun ? 'dry run' : 'for real'));
  } finally {
    await client.close();
  }
}

function checkKey(key: string | undefined, say: (line: string) => void): void {
  if (key === undefined) {
    say('warning: without --node-public-key HTTPS listeners get no certificates');
    return;
  }
  try {
    keyIdOf(key);
  } catch (error) {
    throw fail('config', `--node-public-key: ${messageOf(error)}`, { cause: error });
  }
}

function line({ kind, metadata }: InstallObject): string {
  const { name, namespace } = metadata;
  return `${kind} ${namespace === undefined ? name : `${namespace}/${name}`}`;
}
