// Says where an API server is and how to authenticate there: in a pod, or by a context of a kubeconfig.
import { existsSync } from 'node:fs';
import { KubeConfig } from '@kubernetes/client-node';
import { fail, messageOf } from '#libs/runtime/errors.ts';

const serviceAccountToken = '/var/run/secrets/kubernetes.io/serviceaccount/token';

/** Loads the configuration of a pod's own ServiceAccount. Throws FleetgateError 'kube-unreachable' outside of a pod. */
export function loadInClusterConfig(): KubeConfig {
  if (process.env['KUBERNETES_SERVICE_HOST'] === undefined || !existsSync(serviceAccountToken)) {
    throw fail('kube-unreachable', 'this process does not run in a pod', {
      hint: 'Outside of a cluster use --source kubeconfig:CONTEXT or --source folder:DIR.',
    });
  }
  const config = new KubeConfig();
  config.loadFromCluster();
  return config;
}

/**
 * Loads a context of a kubeconfig file (default: KUBECONFIG, else ~/.kube/config). Throws FleetgateError
 * 'kube-context'.
 */
export function loadContext(context: string, file: string | undefined): KubeConfig {
  const config = new KubeConfig();
  try {
    if (file === undefined) config.loadFromDefault();
    else config.loadFromFile(file);
  } catch (error) {
    throw fail('kube-context', `${file ?? 'the kubeconfig'} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  const names = config.getContexts().map(({ name }) => name);
  const name = context === '' ? config.getCurrentContext() : context;
  if (!names.includes(name)) {
    throw fail(
      'kube-context',
      `there is no context ${JSON.stringify(name)}${file === undefined ? '' : ` in ${file}`}`,
      {
        hint: names.length === 0 ? 'The kubeconfig has no contexts.' : `There are: ${names.join(', ')}.`,
      },
    );
  }
  config.setCurrentContext(name);
  return config;
}
