// npm run lab -- crds CLUSTER [--gateway-api VERSION] [--channel CHANNEL]: installs other CRDs in a cluster of a lab
// that is up, from inside the lab's network. Objects stay.
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { installCrds } from './crds.ts';
import { takeGatewayApi } from './gateway-api.ts';
import { labPaths } from './paths.ts';

const paths = labPaths();
const { rest, of } = takeGatewayApi(process.argv.slice(2));
const [cluster = 'c0'] = rest;
const config = new KubeConfig();
config.loadFromFile(join(paths.dir, cluster, 'kubeconfig'));
await installCrds(config, paths, of(0));
console.log(`cluster ${cluster} has the CRDs of ${of(0).version}, ${of(0).channel}`);
