// For tests: runs `fleetgate proxy` beside a running `up`, started by hand with the same flags each time.
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { signalProcess } from '#libs/runtime/process/process-identity.ts';
import { eventually } from '#libs/testing/eventually.ts';
import { tryPort } from '#libs/runtime/ports.ts';
import { readSecrets } from '../local/secrets.ts';
import { type DemoFleet, exitOf } from './demo-fleet.ts';
import { ask, type StorefrontNode } from './storefront-request.ts';

const envoyRecord = z.object({ pid: z.number() });
const offsetFromFleet = 1000;
const url = 'http://shop.eu.storefront.example/cart';

export class LoneNode implements StorefrontNode {
  readonly httpPort: number;
  readonly httpsPort: number;
  readonly certificateAuthority: string;
  readonly #fleet: DemoFleet;
  readonly #data: string;
  readonly #healthPort: number;
  readonly #serves: string;
  #process: ChildProcess | undefined;

  private constructor(fleet: DemoFleet, healthPort: number, serves: string) {
    this.#serves = serves;
    this.#fleet = fleet;
    this.#data = join(fleet.folder, 'lone');
    this.#healthPort = healthPort;
    this.httpPort = fleet.httpPort + offsetFromFleet;
    this.httpsPort = fleet.httpsPort + offsetFromFleet;
    this.certificateAuthority = fleet.certificateAuthority;
  }

  static async prepare(fleet: DemoFleet, serves = '*/*/*'): Promise<LoneNode> {
    return new LoneNode(fleet, (await tryPort('127.0.0.1', 0)) ?? 0, serves);
  }

  /** Starts the process; resolves when it is ready and requests are answered. */
  async start(): Promise<void> {
    const { data, port } = this.#fleet;
    const args = [
      ...['proxy', '--node', 'lone', '--control-url', `http://127.0.0.1:${port}`, '--data', this.#data],
      ...['--port-offset', String(this.httpPort - 80), '--health-port', String(this.#healthPort), '--drain', '0s'],
      ...['--node-key-file', join(data, 'node-key'), '--serves', this.#serves],
    ];
    const { nodeToken } = readSecrets(join(data, 'secrets.json'));
    this.#process = this.#fleet.start(args, { FLEETGATE_TOKEN: nodeToken });
    const readyz = `http://127.0.0.1:${this.#healthPort}/readyz`;
    await eventually(async () => (await fetch(readyz)).ok && (await this.#answers()), { timeoutMs: 60_000 });
  }

  /** Kills (SIGKILL) the node process; its Envoy goes on. */
  kill(): Promise<unknown> {
    return this.#end('SIGKILL');
  }

  /** Kills (SIGKILL) both; resolves when nothing answers any more. */
  async killWithEnvoy(): Promise<void> {
    await this.kill();
    const { pid } = envoyRecord.parse(JSON.parse(readFileSync(join(this.#data, 'envoy.json'), 'utf8')));
    signalProcess(pid, 'SIGKILL');
    await eventually(async () => !(await this.#answers()));
  }

  /** Stops both in order; gives the exit code. */
  stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  #answers(): Promise<boolean> {
    return ask(this, url).then(
      ({ status }) => status === 200,
      () => false,
    );
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.#process === undefined) return null;
    this.#process.kill(signal);
    return exitOf(this.#process);
  }
}
