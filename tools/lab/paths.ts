// Where the lab keeps its things. FLEETGATE_LAB_BIN, FLEETGATE_LAB_DIR and FLEETGATE_LAB_NETNS override;
// FLEETGATE_LAB_BUNDLES=0,1 has the clusters c0 and c1 serve ClusterTrustBundles.
import { homedir } from 'node:os';
import { join } from 'node:path';

export interface LabPaths {
  /** Built binaries, kept between runs. */
  readonly bin: string;
  /** State of the running lab: one folder for each cluster, lab.pid. */
  readonly dir: string;
  /** Name of the network namespace that holds the API servers; pods' namespaces begin with it. */
  readonly netns: string;
  /** Numbers of the clusters that serve ClusterTrustBundles. */
  readonly withBundles: ReadonlySet<number>;
}

export function labPaths(env: NodeJS.ProcessEnv = process.env): LabPaths {
  const cache = env['FLEETGATE_CACHE'] ?? join(env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'fleetgate');
  return {
    bin: env['FLEETGATE_LAB_BIN'] ?? join(cache, 'lab'),
    dir: env['FLEETGATE_LAB_DIR'] ?? '/tmp/fleetgate-lab',
    netns: env['FLEETGATE_LAB_NETNS'] ?? 'fleetgate-lab',
    withBundles: new Set((env['FLEETGATE_LAB_BUNDLES'] ?? '').split(',').filter(Boolean).map(Number)),
  };
}

/**
 * argv that runs a command inside the lab's network; pods' namespaces stay visible, as with `ip netns exec` they would
 * not.
 */
export function inLab(paths: LabPaths, argv: readonly string[]): readonly string[] {
  return ['nsenter', `--net=/var/run/netns/${paths.netns}`, ...argv];
}

/** The gateway-facing address of cluster i's bridge. */
export function bridgeAddress(i: number): string {
  return `10.${64 + i}.0.1`;
}
