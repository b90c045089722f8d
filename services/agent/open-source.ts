// Opens the source that the options name: a folder, a kubeconfig context, or the cluster around this pod.
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Logger } from '#libs/runtime/log.ts';
import { jittered } from '#libs/runtime/pause.ts';
import { openFolderSource } from './folder/folder-source.ts';
import type { ApiClient } from './kubernetes/api-client.ts';
import type { Source } from './source.ts';

interface SourceOptions {
  readonly cluster: string;
  readonly folder: string | undefined;
  readonly context: string | undefined;
  readonly kubeconfig: string | undefined;
  readonly data: string | undefined;
  readonly relistPeriod: number;
  /** Whether the agent provides data planes. */
  readonly provision: boolean;
}

/**
 * Holds a source and, where it is a cluster, the client of its API server, for what is not about objects of the
 * history.
 */
interface OpenedSource {
  readonly source: Source;
  readonly client: ApiClient | null;
  /** Stops the source, then closes the client. */
  readonly close: () => Promise<void>;
}

/**
 * Opens the source; for a cluster, waits until its API server answers. Throws FleetgateError where waiting is of no
 * use.
 */
export async function openSource(options: SourceOptions, log: Logger, signal: AbortSignal): Promise<OpenedSource> {
  const { cluster, folder } = options;
  if (folder === undefined) return openCluster(options, log, signal);
  const stateFolder = options.data ?? defaultStateFolder(cluster);
  const source = await openFolderSource({ folder, cluster, stateFolder, log });
  return { source, client: null, close: () => source.stop() };
}

async function openCluster(options: SourceOptions, log: Logger, signal: AbortSignal): Promise<OpenedSource> {
  const { context, kubeconfig, relistPeriod, provision } = options;
  // The Kubernetes client costs half a second and 70 MB: only where it is needed.
  const { loadContext, loadInClusterConfig } = await import('./kubernetes/kube-config.ts');
  const { openApiClient } = await import('./kubernetes/api-client.ts');
  const { openKubernetesSource } = await import('./kubernetes/kubernetes-source.ts');
  const config =
    context === undefined && kubeconfig === undefined ? loadInClusterConfig() : loadContext(context ?? '', kubeconfig);
  await using opened = new AsyncDisposableStack();
  const client = openApiClient(config);
  opened.defer(() => client.close());
  const timing = { relistMs: () => jittered(relistPeriod) };
  const source = await openKubernetesSource({ client, log, signal, timing, provides: provision });
  opened.defer(() => source.stop());
  const resources = opened.move();
  return { source, client, close: () => resources.disposeAsync() };
}

function defaultStateFolder(cluster: string): string {
  const state = process.env['XDG_STATE_HOME'] ?? join(homedir(), '.local', 'state');
  return join(state, 'fleetgate', `agent-${cluster}`);
}
