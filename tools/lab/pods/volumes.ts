// A pod's volumes as folders: Secrets, ConfigMaps, projected tokens and the downward API, read once when the pod
// starts.
import { mkdirSync, writeFileSync } from 'node:fs';
import type { CoreV1Api, V1KeyToPath, V1Pod, V1VolumeProjection } from '@kubernetes/client-node';

/** Writes each volume below root; returns its folder by the volume's name. */
export async function writeVolumes(core: CoreV1Api, pod: V1Pod, root: string): Promise<ReadonlyMap<string, string>> {
  const folders = new Map<string, string>();
  for (const volume of pod.spec?.volumes ?? []) {
    const folder = `${root}/${volume.name}`;
    folders.set(volume.name, folder);
    mkdirSync(folder, { recursive: true });
    const { secret, configMap } = volume;
    const single: V1VolumeProjection = {
      ...(secret && { secret: { name: secret.secretName ?? '', ...(secret.items && { items: secret.items }) } }),
      ...(configMap && { configMap }),
    };
    for (const source of volume.projected?.sources ?? [single]) await writeSource(core, pod, folder, source);
  }
  return folders;
}

async function writeSource(core: CoreV1Api, pod: V1Pod, folder: string, source: V1VolumeProjection): Promise<void> {
  const namespace = pod.metadata?.namespace ?? 'default';
  if (source.secret?.name) {
    const { data } = await core.readNamespacedSecret({ namespace, name: source.secret.name });
    writeItems(folder, data, source.secret.items, 'base64');
  }
  if (source.configMap?.name) {
    const { data } = await core.readNamespacedConfigMap({ namespace, name: source.configMap.name });
    writeItems(folder, data, source.configMap.items, 'utf8');
  }
  if (source.serviceAccountToken) {
    const { audience, path } = source.serviceAccountToken;
    const body = { spec: { audiences: audience ? [audience] : [], expirationSeconds: 86_400 } };
    const name = pod.spec?.serviceAccountName ?? 'default';
    const { status } = await core.createNamespacedServiceAccountToken({ namespace, name, body });
    writeFileSync(`${folder}/${path}`, status?.token ?? '');
  }
  for (const item of source.downwardAPI?.items ?? []) {
    const text = item.fieldRef?.fieldPath === 'metadata.namespace' ? namespace : (pod.metadata?.name ?? '');
    writeFileSync(`${folder}/${item.path}`, text);
  }
}

function writeItems(
  folder: string,
  data: Record<string, string> | undefined,
  items: readonly V1KeyToPath[] | undefined,
  encoding: 'base64' | 'utf8',
): void {
  for (const [key, text] of Object.entries(data ?? {})) {
    const path = items === undefined ? key : items.find((item) => item.key === key)?.path;
    if (path !== undefined) writeFileSync(`${folder}/${path}`, Buffer.from(text, encoding));
  }
}
