// From the options to the source: a folder, a kubeconfig context, or the cluster around this pod.
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '#libs/runtime/log.ts';
import { openFolderSource } from './folder/folder-source.ts';
import { jittered } from './jitter.ts';
import type { Source } from './source.ts';

export interface SourceOptions {
  readonly cluster: string;
  readonly folder: string | undefined;
  readonly context: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly data: string | undefined;
  readonly relistPeriod: number;
}

/** Opens the source; for a cluster, waits until its API server answers. Throws FleetgateError where waiting is of no use. */
export async function openSource(options: SourceOptions, log: Logger, signal: AbortSignal): Promise<Source> {
  const { cluster, folder, context, kubeconfig, relistPeriod } = options;
  if (folder !== undefined) {
    const stateFolder = options.data ?? defaultStateFolder(cluster);
    return openFolderSource({ folder, cluster, stateFolder, log });
  }
  // The Kubernetes client costs half a second and 70 MB: only where it is needed.
  const { loadContext, loadInClusterConfig } = await import('./kubernetes/kube-config.ts');
  const { openApiClient } = await import('./kubernetes/api-client.ts');
  const { openKubernetesSource } = await import('./kubernetes/kubernetes-source.ts');
  const config =
    context === undefined && kubeconfig === undefined ? loadInClusterConfig() : loadContext(context ?? '', kubeconfig);
  const timing = { relistMs: () => jittered(relistPeriod) };
  const client = openApiClient(config);
  try {
    return await openKubernetesSource({ client, log, signal, timing });
  } catch (error) {
    await client.close();
    throw error;
  }
}

function defaultStateFolder(cluster: string): string {
  const state = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  return join(state, 'fleetgate', `agent-${cluster}`);
}
