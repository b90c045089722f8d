// A client-node informer that is started again whenever it stops: enough for the lab itself.
import {
  type KubeConfig,
  type KubernetesListObject,
  type KubernetesObject,
  makeInformer,
} from '@kubernetes/client-node';

export function inform<T extends KubernetesObject>(
  config: KubeConfig,
  path: string,
  list: () => Promise<KubernetesListObject<T>>,
  seen: (object: T) => void,
  gone: (object: T) => void,
): void {
  const informer = makeInformer(config, path, list);
  informer.on('add', seen);
  informer.on('update', seen);
  informer.on('delete', gone);
  const again = (): void => void setTimeout(start, 500);
  const start = (): void => void informer.start().catch(again);
  informer.on('error', again);
  start();
}
