// What `fleetgate agent install --audit` does beside the objects: it keeps what agent and API server know each other by
// over repeated installs, takes away what another mode needed, and tells what is to be done on the hosts of API
// servers.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import {
  describeFlags,
  policyFile,
  printAuditPolicy,
  printWebhookConfig,
  serviceAddress,
  webhookFile,
} from './audit/api-server-files.ts';
import { type AuditMode, auditHost, auditName } from './audit/audit-objects.ts';
import { type AuditSecret, readAuditSecret, renewAuditSecret } from './audit/audit-secret.ts';
import type { InstallClient } from './install-client.ts';
import { type InstallObject, buildAudit } from './manifest.ts';
import type { ManifestOptions } from './options.ts';

/** Takes text: results, and what is said beside them. */
export interface Output {
  readonly out: (text: string) => void;
  readonly say: (line: string) => void;
}

type Options = Pick<ManifestOptions, 'namespace' | 'audit' | 'auditUrl' | 'auditFiles'>;

const empty: AuditSecret = { caCertificate: '', caKey: '', certificate: '', key: '', token: '' };

/** Makes new ones; for who cannot ask the cluster. */
export function newAuditSecret({ audit, namespace }: Options): AuditSecret | undefined {
  return audit === undefined ? undefined : renewAuditSecret(undefined, auditHost(namespace), Date.now());
}

/** Goes on with what the cluster has. Throws FleetgateError. */
export async function keepAuditSecret(
  { audit, namespace }: Options,
  client: InstallClient,
): Promise<AuditSecret | undefined> {
  if (audit === undefined) return undefined;
  const held = await client.get(`/api/v1/namespaces/${namespace}/secrets/${auditName}`);
  return renewAuditSecret(readAuditSecret(held), auditHost(namespace), Date.now());
}

/** Lists every object of any mode, and of those that a mode does not need the ones to be taken away. */
export function auditObjects(namespace: string, without?: AuditMode): readonly InstallObject[] {
  const modes: readonly AuditMode[] = ['webhook', 'admission'];
  const needed = without === undefined ? [] : buildAudit(without, namespace, empty);
  const all = new Map(
    modes.flatMap((mode) => buildAudit(mode, namespace, empty)).map((object) => [idOf(object), object]),
  );
  for (const object of needed) all.delete(idOf(object));
  return [...all.values()];
}

function idOf({ kind, metadata }: InstallObject): string {
  return `${kind} ${metadata.name}`;
}

/** Tells what is to be done on the hosts, after the objects are there. Throws FleetgateError. */
export async function describeHosts(
  options: Options,
  secret: AuditSecret,
  client: InstallClient,
  output: Output,
): Promise<void> {
  if (options.audit !== 'webhook') return;
  const { namespace } = options;
  const service = await client.get(`/api/v1/namespaces/${namespace}/services/${auditName}`);
  writeHostFiles(options, secret, serviceAddress(service), output);
  const pods = await client.get('/api/v1/namespaces/kube-system/pods?labelSelector=component%3Dkube-apiserver');
  for (const sentence of describeFlags(pods)) output.say(sentence);
}

/** Tells the same without a cluster to ask. */
export function printHosts(options: Options, secret: AuditSecret, output: Output): void {
  if (options.audit !== 'webhook') return;
  writeHostFiles(options, secret, serviceAddress(null), output);
  for (const sentence of describeFlags(null)) output.say(sentence);
}

function writeHostFiles(options: Options, secret: AuditSecret, address: string, { say }: Output): void {
  const { namespace, auditFiles, auditUrl } = options;
  const files = [
    [policyFile, printAuditPolicy()],
    [webhookFile, printWebhookConfig(secret, namespace, auditUrl?.replace(/\/+$/, '') ?? address)],
  ] as const;
  if (auditFiles === undefined) {
    for (const [name, text] of files) say(`# /etc/kubernetes/${name} on each host of an API server:\n${text}`);
    return;
  }
  try {
    mkdirSync(auditFiles, { recursive: true });
    // The second holds the token.
    for (const [name, text] of files) writeFileSync(join(auditFiles, name), text, { mode: 0o600 });
  } catch (error) {
    throw fail('file', `${auditFiles} (${messageOf(error)})`, { cause: error });
  }
  say(
    `Put ${files.map(([name]) => name).join(' and ')} of ${auditFiles} into /etc/kubernetes of each API server’s host.`,
  );
}
