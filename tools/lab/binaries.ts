// Builds what the lab runs, from the Go module proxy, into the lab's folder of binaries: about six minutes on two cores
// when nothing is cached.
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LabPaths } from './paths.ts';

const tools = join(import.meta.dirname, 'tools');

/** name, folder of the Go module, package; `test` builds a test binary. */
const builds = [
  ['etcd', 'etcd', './cmd/etcd', 'build'],
  ['kube-apiserver', 'kube', 'k8s.io/kubernetes/cmd/kube-apiserver', 'build'],
  ['kube-controller-manager', 'kube', 'k8s.io/kubernetes/cmd/kube-controller-manager', 'build'],
  ['kubectl', 'kube', 'k8s.io/kubernetes/cmd/kubectl', 'build'],
  ['echo-basic', 'conformance', 'sigs.k8s.io/gateway-api/conformance/echo-basic', 'build'],
  ['conformance.test', 'conformance', '.', 'test'],
] as const;

const corednsPackage = 'github.com/coredns/coredns@v1.12.2';

/** Builds what is missing; `say` gets a line for each. Throws with Go's output when a build fails. */
export async function buildLab(paths: LabPaths, say: (line: string) => void): Promise<void> {
  mkdirSync(paths.bin, { recursive: true });
  for (const [name, folder, target, how] of builds) {
    if (existsSync(join(paths.bin, name))) continue;
    say(`building ${name}`);
    const output = join(paths.bin, `${name}.part`);
    const args =
      how === 'test'
        ? ['test', '-c', '-o', output, target]
        : ['build', '-trimpath', '-ldflags=-s -w', '-o', output, target];
    await go(args, join(tools, folder), {});
    renameSync(output, join(paths.bin, name));
  }
  if (!existsSync(join(paths.bin, 'coredns'))) {
    say('building coredns');
    await go(['install', '-ldflags=-s -w', corednsPackage], tools, { GOBIN: paths.bin });
  }
  await go(
    ['mod', 'download', 'sigs.k8s.io/gateway-api', 'sigs.k8s.io/gateway-api/conformance'],
    join(tools, 'conformance'),
    {},
  );
  writeFileSync(join(paths.bin, 'conformance.dir'), moduleFolder('sigs.k8s.io/gateway-api/conformance'));
  writeFileSync(join(paths.bin, 'gateway-api.dir'), moduleFolder('sigs.k8s.io/gateway-api'));
}

function moduleFolder(module: string): string {
  return execFileSync('go', ['list', '-m', '-f', '{{.Dir}}', module], { cwd: join(tools, 'conformance') })
    .toString()
    .trim();
}

async function go(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>): Promise<void> {
  const child = spawn('go', args, {
    cwd,
    env: { ...process.env, CGO_ENABLED: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-20_000)));
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', done);
  });
  if (code !== 0) throw new Error(`go ${args.join(' ')} failed:\n${said}`);
}
