// What the lab's tests do: start and stop the lab and its fleet, run commands inside its network, wait for what a
// command says.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { type GatewayApi, gatewayApiFlags } from './gateway-api.ts';
import { inLab, type LabPaths } from './paths.ts';

const root = resolve(import.meta.dirname, '../..');
const startDeadlineMs = 300_000;

const fleetRecord = z.object({
  url: z.string(),
  address: z.string(),
  token: z.string(),
  natsUrl: z.string(),
  nodePublicKey: z.string(),
});

export type FleetRecord = z.infer<typeof fleetRecord>;

export class LabClient {
  readonly #paths: LabPaths;
  readonly #children: ChildProcess[] = [];

  constructor(paths: LabPaths) {
    this.#paths = paths;
  }

  /**
   * Brings up N clusters, with these CRDs where they are named; resolves when they are ready. Everything built must be
   * there already, or Go builds it now. `env` is the lab's, as paths.ts reads it.
   */
  async up(
    clusters: number,
    apis: readonly GatewayApi[] = [],
    env: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await this.#start(['up', String(clusters), ...gatewayApiFlags(apis)], 'lab is ready', env);
  }

  /** Installs other CRDs in a cluster that is up. */
  async installCrds(cluster: string, api: GatewayApi): Promise<void> {
    await this.run([process.execPath, join(import.meta.dirname, 'swap-crds.ts'), cluster, ...gatewayApiFlags([api])]);
  }

  /** `without a node`: where data planes are provided in the clusters. */
  async startFleet(
    how: 'with a node' | 'without a node' = 'with a node',
    projectorOptions: readonly string[] = [],
  ): Promise<FleetRecord> {
    const args = ['fleet', ...(how === 'with a node' ? [] : ['--no-node']), ...projectorOptions];
    await this.#start(args, 'fleet is started');
    return fleetRecord.parse(JSON.parse(readFileSync(join(this.#paths.dir, 'fleet', 'fleet.json'), 'utf8')));
  }

  /** Stops the fleet, then the lab. */
  async down(): Promise<void> {
    for (const child of this.#children.toReversed()) {
      if (child.exitCode !== null) continue;
      child.kill('SIGTERM');
      await new Promise((done) => child.once('exit', done));
    }
  }

  /** Standard output of a command inside the lab's network; throws with what it wrote to standard error. */
  run(
    argv: readonly string[],
    options: {
      readonly input?: string;
      readonly env?: Readonly<Record<string, string>>;
      readonly timeoutMs?: number;
    } = {},
  ): Promise<string> {
    const [command = '', ...args] = inLab(this.#paths, argv);
    return new Promise((done, fail) => {
      const child = execFile(
        command,
        args,
        { env: { ...process.env, ...options.env }, timeout: options.timeoutMs ?? 180_000, maxBuffer: 64 << 20 },
        (error, stdout, stderr) => {
          if (error === null) done(stdout);
          else fail(new Error(`${argv.join(' ')}: ${stderr.trim() || stdout.trim() || error.message}`));
        },
      );
      // A command may end without having read.
      child.stdin?.on('error', () => undefined);
      child.stdin?.end(options.input ?? '');
    });
  }

  kubectl(cluster: string, args: readonly string[], input?: string): Promise<string> {
    const kubectl = join(this.#paths.bin, 'kubectl');
    return this.run(
      [kubectl, `--kubeconfig=${this.kubeconfig(cluster)}`, ...args],
      input === undefined ? {} : { input },
    );
  }

  kubeconfig(cluster: string): string {
    return join(this.#paths.dir, cluster, 'kubeconfig');
  }

  fleetgate(args: readonly string[], env: Readonly<Record<string, string>>): Promise<string> {
    return this.run([process.execPath, join(root, 'services/cli/main.ts'), ...args], { env });
  }

  /** Status code and body of one request through a gateway; status 0 when nothing listens. */
  async curl(address: string, host: string, path = '/'): Promise<{ readonly status: number; readonly body: string }> {
    const args = [
      '-s',
      '-m',
      '5',
      '-o',
      '-',
      '-w',
      '\n%{http_code}',
      '-H',
      `Host: ${host}`,
      `http://${address}${path}`,
    ];
    const said = await this.run(['curl', ...args]).catch(() => '\n0');
    const at = said.lastIndexOf('\n');
    return { status: Number(said.slice(at + 1)), body: said.slice(0, at) };
  }

  async #start(args: readonly string[], readyLine: string, env: Readonly<Record<string, string>> = {}): Promise<void> {
    const main = join(import.meta.dirname, 'main.ts');
    const child = spawn(process.execPath, [main, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    this.#children.push(child);
    const timer = setTimeout(() => child.kill('SIGTERM'), startDeadlineMs + 1_200_000 * Number(args[0] === 'up'));
    await new Promise<void>((done, fail) => {
      createInterface({ input: child.stdout }).on('line', (line) => line.startsWith(readyLine) && done());
      child.once('exit', (code) => fail(new Error(`lab ${args.join(' ')} ended with ${code}`)));
    });
    clearTimeout(timer);
  }
}

/** Asks until `ask` gives something other than undefined; throws what it last threw, or that nothing came in time. */
export async function until<T>(what: string, ask: () => Promise<T | undefined>, withinMs = 60_000): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await ask();
    if (found !== undefined) return found;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs / 1000} s`);
    await sleep(100);
  }
}
