// Installs the Gateway API's CRDs of a version and channel from the Go module, by server-side apply.
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ApiException,
  type KubeConfig,
  KubernetesObjectApi,
  type KubernetesObject,
  PatchStrategy,
} from '@kubernetes/client-node';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { type GatewayApi, moduleFolder } from './gateway-api.ts';
import type { LabPaths } from './paths.ts';

/**
 * Installs CRDs, also in place of others. The policy that refuses older ones, and the experimental channel over the
 * standard one, goes first and comes back with the CRDs' own.
 */
export async function installCrds(
  config: KubeConfig,
  paths: LabPaths,
  { version, channel }: GatewayApi,
): Promise<void> {
  const client = KubernetesObjectApi.makeApiClient(config);
  for (const kind of ['ValidatingAdmissionPolicyBinding', 'ValidatingAdmissionPolicy']) {
    const policy = { apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name: upgradePolicy } };
    await client.delete(policy).catch((error: unknown) => {
      if (!(error instanceof ApiException && error.code === 404)) throw error;
    });
  }
  const folder = `${moduleFolder(paths, version, 'api')}/config/crd/${channel}`;
  for (const file of globSync(`${folder}/*.yaml`).toSorted()) {
    for (const document of parseAllDocuments(readFileSync(file, 'utf8'))) {
      const object: unknown = document.toJS();
      if (!isObject(object) || object.kind === 'Kustomization') continue;
      await untilAllowed(() => client.patch(object, undefined, undefined, 'lab', true, PatchStrategy.ServerSideApply));
    }
  }
}

/** A policy that was deleted still refuses for a moment. */
async function untilAllowed(apply: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await apply();
      return;
    } catch (error) {
      const isPolicy = error instanceof ApiException && String(error.body).includes(upgradePolicy);
      if (!isPolicy || tries >= 100) throw error;
      await sleep(100);
    }
  }
}

/** The folder with the CRDs of Service APIs 0.1 (networking.x-k8s.io/v1alpha1), from the Go module of that version. */
export function serviceApisCrds(): string {
  const args = ['mod', 'download', '-json', 'sigs.k8s.io/gateway-api@v0.1.0'];
  const { Dir } = moduleRecord.parse(JSON.parse(execFileSync('go', args, { cwd: tmpdir() }).toString()));
  return join(Dir, 'config/crd/bases');
}

const upgradePolicy = 'safe-upgrades.gateway.networking.k8s.io';

const moduleRecord = z.object({ Dir: z.string() });

function isObject(value: unknown): value is KubernetesObject {
  return typeof value === 'object' && value !== null && 'kind' in value && 'metadata' in value;
}
