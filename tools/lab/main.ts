// npm run lab -- build | up [CLUSTERS] | crds CLUSTER | down | fleet [--no-node] | probe … | conformance …: a fleet of
// real Kubernetes clusters on this machine. See README.md.
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cacheFolder } from '#libs/runtime/binaries/resolve-binary.ts';
import { buildLab } from './binaries.ts';
import { startCluster } from './cluster.ts';
import { runSuite } from './suite/conformance.ts';
import { conform } from './suite/conform.ts';
import { installCrds } from './crds.ts';
import { gatewayApiFlags, gatewayApiVersions, takeGatewayApi } from './gateway-api.ts';
import { makeNetwork } from './network.ts';
import { inLab, labPaths } from './paths.ts';
import { type Images, Pods } from './pods/pods.ts';
import { Processes, sh } from './processes.ts';
import { balanceServices } from './pods/services.ts';

/** What makes Kubernetes before 1.37 serve ClusterTrustBundles. */
const bundleFlags = [
  '--feature-gates=ClusterTrustBundle=true',
  '--runtime-config=certificates.k8s.io/v1beta1/clustertrustbundles=true',
];
const paths = labPaths();
const gatewayApi = takeGatewayApi(process.argv.slice(2));
const [command = 'up', ...rest] = gatewayApi.rest;
const [argument = '1', className = 'fleetgate'] = rest;
const commands: Readonly<Record<string, () => Promise<void>>> = {
  build,
  up,
  inside,
  crds,
  down,
  fleet,
  probe,
  conformance,
};
const run = commands[command];
if (run === undefined) {
  console.error(
    'usage: npm run lab -- build | up [CLUSTERS] | crds CLUSTER | down | fleet | probe CLUSTER CLASS … ' +
      `| conformance [CLUSTER CLASS REPORT …] [--gateway-api ${gatewayApiVersions.join('|')}] ` +
      '[--channel experimental|standard]',
  );
  process.exit(2);
}
await run();

async function build(): Promise<void> {
  await buildLab(paths, (line) => console.error(line));
  console.log(paths.bin);
}

/** Makes the lab's network, then becomes `inside`, which stays in the foreground until SIGTERM or SIGINT. */
async function up(): Promise<void> {
  await buildLab(paths, (line) => console.error(line));
  makeNetwork(paths);
  const flags = gatewayApiFlags(Array.from({ length: Number(argument) }, (_, index) => gatewayApi.of(index)));
  become(inLab(paths, [process.execPath, ...process.execArgv, import.meta.filename, 'inside', argument, ...flags]));
}

/** Replaces this process by a command, so that signals and the exit code are the command's own. */
function become([command = '', ...args]: readonly string[]): void {
  const path = execFileSync('sh', ['-c', `command -v ${command}`])
    .toString()
    .trim();
  process.execve?.(path, [command, ...args], process.env);
}

async function fleet(): Promise<void> {
  become(inLab(paths, [process.execPath, `${import.meta.dirname}/fleet.ts`, ...rest]));
}

async function probe(): Promise<void> {
  const kubeconfig = `${paths.dir}/${argument}/kubeconfig`;
  become(inLab(paths, [process.execPath, `${import.meta.dirname}/probe.ts`, kubeconfig, className, ...rest.slice(2)]));
}

async function conformance(): Promise<void> {
  const [cluster, , report = 'conformance-report.yaml', ...flags] = rest;
  const { version } = gatewayApi.of(0);
  process.exitCode =
    cluster === undefined
      ? await conform(paths, { versions: gatewayApi.isGiven ? [version] : gatewayApiVersions })
      : await runSuite(paths, { version, cluster, className, report, flags, stdio: 'inherit' });
}

async function crds(): Promise<void> {
  const flags = gatewayApiFlags([gatewayApi.of(0)]);
  become(inLab(paths, [process.execPath, `${import.meta.dirname}/swap-crds.ts`, argument, ...flags]));
}

async function inside(): Promise<void> {
  const processes = new Processes();
  for (const signal of ['SIGTERM', 'SIGINT'] as const)
    process.once(signal, () => void processes.stop().then(() => process.exit(0)));
  rmSync(paths.dir, { recursive: true, force: true });
  mkdirSync(paths.dir, { recursive: true });
  writeFileSync(`${paths.dir}/lab.pid`, String(process.pid));
  sh('sysctl', '-qw', 'net.ipv4.fib_multipath_hash_policy=1');
  for (let index = 0; index < Number(argument); index++) {
    const cluster = await startCluster(index, paths, processes, paths.withBundles.has(index) ? bundleFlags : []);
    balanceServices(cluster, paths, new Pods(cluster, paths, processes, images(), podEnvironment()));
    await installCrds(cluster.config, paths, gatewayApi.of(index));
    console.log(`cluster ${cluster.name} is up: KUBECONFIG=${cluster.dir}/kubeconfig`);
  }
  console.log('lab is ready');
}

async function down(): Promise<void> {
  const file = `${paths.dir}/lab.pid`;
  if (!existsSync(file)) return console.error('no lab is running');
  process.kill(Number(readFileSync(file, 'utf8')), 'SIGTERM');
}

/**
 * What stands in for container images: the lab's own, Fleetgate from this checkout, and FLEETGATE_LAB_IMAGES (a JSON
 * file).
 */
function images(): Images {
  const file = process.env['FLEETGATE_LAB_IMAGES'];
  const more: Images = file === undefined ? {} : JSON.parse(readFileSync(file, 'utf8'));
  const cli = `${import.meta.dirname}/../../services/cli/main.ts`;
  return {
    'echo-basic': [imageBinary('echo-basic')],
    coredns: [imageBinary('coredns')],
    fleetgate: [process.execPath, cli],
    ...more,
  };
}

/** A copy where no volume of a pod hides it. */
function imageBinary(name: string): string {
  const copy = `${paths.dir}/${name}`;
  if (!existsSync(copy)) copyFileSync(`${paths.bin}/${name}`, copy);
  return copy;
}

/** What an image would bring: Node's compiled code, and Envoy. */
function podEnvironment(): Readonly<Record<string, string>> {
  return { NODE_COMPILE_CACHE: `${paths.dir}/compiled`, FLEETGATE_CACHE: cacheFolder() };
}
