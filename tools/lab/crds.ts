// Installs the Gateway API's CRDs of a channel from the Go module, by server-side apply.
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KubernetesObjectApi, type KubernetesObject, PatchStrategy } from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
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

/** The folder with the CRDs of Service APIs 0.1 (networking.x-k8s.io/v1alpha1), from the Go module of that version. */
export function serviceApisCrds(): string {
  const args = ['mod', 'download', '-json', 'sigs.k8s.io/gateway-api@v0.1.0'];
  const { Dir } = moduleRecord.parse(JSON.parse(execFileSync('go', args, { cwd: tmpdir() }).toString()));
  return join(Dir, 'config/crd/bases');
}

const moduleRecord = z.object({ Dir: z.string() });

function isObject(value: unknown): value is KubernetesObject {
  return typeof value === 'object' && value !== null && 'kind' in value && 'metadata' in value;
}
