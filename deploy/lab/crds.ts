// Installs the Gateway API's CRDs of a channel from the Go module, by server-side apply.
import { globSync, readFileSync } from 'node:fs';
import { KubernetesObjectApi, type KubernetesObject, PatchStrategy } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import type { Cluster } from './cluster.ts';
import type { LabPaths } from './paths.ts';

export async function installCrds(
  { config }: Cluster,
  paths: LabPaths,
  channel: 'experimental' | 'standard',
): Promise<void> {
  const module = readFileSync(`${paths.bin}/gateway-api.dir`, 'utf8').trim();
  const client = KubernetesObjectApi.makeApiClient(config);
  for (const file of globSync(`${module}/config/crd/${channel}/*.yaml`).toSorted()) {
    for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
      const object: unknown = document.toJS();
      if (!isObject(object) || object.kind === 'Kustomization') continue;
      await client.patch(object, undefined, undefined, 'lab', true, PatchStrategy.ServerSideApply);
    }
  }
}

function isObject(value: unknown): value is KubernetesObject {
  return typeof value === 'object' && value !== null && 'kind' in value && 'metadata' in value;
}
