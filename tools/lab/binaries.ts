// Builds what the lab runs, from the Go module proxy, into the lab's folder of binaries: about ten minutes on two cores
// when nothing is cached.
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, globSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type GatewayApiVersion, gatewayApiVersions, moduleFolder, moduleRecord } from './gateway-api.ts';
import type { LabPaths } from './paths.ts';

const tools = join(import.meta.dirname, 'tools');
/** Its echo server also answers the suites of later versions, whose images come from a repository of their own. */
const echoVersion = 'v1.6.3';

/** name, folder of the Go module, package. */
const programs = [
  ['etcd', 'etcd', './cmd/etcd'],
  ['kube-apiserver', 'kube', 'k8s.io/kubernetes/cmd/kube-apiserver'],
  ['kube-controller-manager', 'kube', 'k8s.io/kubernetes/cmd/kube-controller-manager'],
  ['kubectl', 'kube', 'k8s.io/kubernetes/cmd/kubectl'],
  ['echo-basic', `conformance/${echoVersion}`, 'sigs.k8s.io/gateway-api/conformance/echo-basic'],
] as const;

const corednsPackage = 'github.com/coredns/coredns@v1.12.2';
const modules = { api: 'sigs.k8s.io/gateway-api', suite: 'sigs.k8s.io/gateway-api/conformance' } as const;
/** Go itself comes as a module where a suite needs a newer one than the machine has. */
const environments: Readonly<Record<GatewayApiVersion, Readonly<Record<string, string>>>> = {
  'v1.7.0': { GOTOOLCHAIN: 'go1.27.4' },
  'v1.6.3': {},
};
/**
 * Packages of sigs.k8s.io/gateway-api-conformance-images that v1.7.0's suite imports and that are in v1.6.3's suite as
 * well: the proxy does not have that module.
 */
const echoPackages = ['grpcechoserver', 'tcpserver', 'udpechoserver'] as const;

/** Builds what is missing; `say` gets a line for each. Throws with Go's output when a build fails. */
export async function buildLab(paths: LabPaths, say: (line: string) => void): Promise<void> {
  mkdirSync(paths.bin, { recursive: true });
  for (const [name, folder, target] of programs) {
    if (existsSync(join(paths.bin, name))) continue;
    say(`building ${name}`);
    const output = join(paths.bin, `${name}.part`);
    await go(['build', '-trimpath', '-ldflags=-s -w', '-o', output, target], join(tools, folder), {});
    renameSync(output, join(paths.bin, name));
  }
  if (!existsSync(join(paths.bin, 'coredns'))) {
    say('building coredns');
    await go(['install', '-ldflags=-s -w', corednsPackage], tools, { GOBIN: paths.bin });
  }
  // The older first: it has what stands in for packages of the newer.
  for (const version of gatewayApiVersions.toReversed()) await buildSuite(paths, version, say);
}

/** The test binary of the official suite of a version. */
export function suiteBinary(paths: LabPaths, version: GatewayApiVersion): string {
  return join(paths.bin, `conformance-${version}.test`);
}

/** Builds the suite in a folder of its own outside the checkout, for what stands in lies beside its go.mod. */
async function buildSuite(paths: LabPaths, version: GatewayApiVersion, say: (line: string) => void): Promise<void> {
  const folder = join(paths.bin, `conformance-${version}`);
  const environment = environments[version];
  rmSync(folder, { recursive: true, force: true });
  copyFiles(join(tools, 'conformance'), '*_test.go', folder);
  copyFiles(join(tools, 'conformance', version), 'go.*', folder);
  const standIn = join(tools, 'conformance', version, 'images');
  if (existsSync(standIn)) {
    copyFiles(standIn, 'go.*', join(folder, 'images'));
    const echo = join(moduleFolder(paths, echoVersion, 'suite'), 'echo-basic');
    for (const name of echoPackages)
      copyFiles(join(echo, name), '!(*_test).go', join(folder, 'images', 'echo-basic', name));
  }
  await go(['mod', 'download', ...Object.values(modules)], folder, environment);
  for (const [name, module] of [['api', modules.api] as const, ['suite', modules.suite] as const]) {
    const dir = await go(['list', '-m', '-f', '{{.Dir}}', module], folder, environment);
    writeFileSync(moduleRecord(paths, version, name), dir);
  }
  const output = suiteBinary(paths, version);
  if (existsSync(output)) return;
  say(`building ${basename(output)}`);
  await go(['test', '-c', '-o', `${output}.part`, '.'], folder, environment);
  renameSync(`${output}.part`, output);
}

function copyFiles(from: string, pattern: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const file of globSync(pattern, { cwd: from })) copyFileSync(join(from, file), join(to, file));
}

/** Runs Go; resolves to its standard output. */
async function go(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>): Promise<string> {
  const child = spawn('go', args, {
    cwd,
    env: { ...process.env, CGO_ENABLED: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (out = (out + chunk.toString()).slice(-20_000)));
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-20_000)));
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', done);
  });
  if (code !== 0) throw new Error(`go ${args.join(' ')} failed:\n${said}${out}`);
  return out;
}
