// The names of the parts of an `up`, in the order in which they are started.
import type { ClusterSource } from './cluster-source.ts';

/** The demo has small services where a cluster is a folder. */
export function partNames(clusters: readonly ClusterSource[], demo: boolean): readonly string[] {
  const agents = clusters.map(({ name }) => agentName(name));
  const hasUpstreams = demo && clusters.some(({ type }) => type === 'folder');
  return ['projector', 'control', 'proxy', ...agents, ...(hasUpstreams ? ['demo-upstreams'] : [])];
}

export function agentName(cluster: string): string {
  return `agent-${cluster}`;
}
