// Starts Envoy, watches it and restarts it. Envoy outlives a node process that is killed, and the next process adopts
// it.
//
//   envoy.json names the running Envoy (pid, start time) and what it was started with.
//   The same start → it is adopted; another → it is replaced.
import { createHash } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { type Child, startChild } from '#libs/runtime/process/child.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import { identityOf, isRunning, type ProcessIdentity, signalProcess } from '#libs/runtime/process/process-identity.ts';
import { type EnvoyAdmin, envoyAdmin } from './envoy-admin.ts';
import { envoyLogFormat } from './envoy-log.ts';

/** Where Envoy's files and its admin socket are. */
export interface EnvoyFolder {
  readonly bootstrap: string;
  /** Names the Envoy that runs. */
  readonly envoyRecord: string;
  readonly envoyLog: string;
  readonly adminSocket: string;
}

interface EnvoyOptions {
  readonly binary: string;
  readonly bootstrap: unknown;
  /** Worker threads; 0 = as many as there are cores. */
  readonly concurrency: number;
  /** How long connections may take to end before Envoy is ended. */
  readonly drainMs: number;
  readonly folder: EnvoyFolder;
  readonly log: Logger;
  /** Envoy came to life, or ended. */
  readonly onChange: (state: EnvoyState) => void;
}

export type EnvoyState = 'live' | 'down';

export interface Envoy {
  readonly admin: EnvoyAdmin;
  readonly pid: number | undefined;
  readonly state: EnvoyState;
  /** How often it ended unasked. */
  readonly exits: number;
  /** Drains, then ends Envoy. */
  stop(): Promise<void>;
  /** Leaves Envoy to the next process. */
  leave(): void;
}

const startPollMs = 20;
const watchMs = 500;
const silencesMax = 20;
const stopGraceMs = 5000;
const drainTimeSeconds = 30;
const drainPollMs = 50;
const adoptMaxMs = 10_000;
const restart = { minMs: 100, maxMs: 10_000 };

const recordShape = z.object({ pid: z.number(), started: z.string(), start: z.string() });
type EnvoyRecord = z.infer<typeof recordShape>;

/** Adopts the Envoy of the folder, or starts one. It is live once `onChange` says so. */
export async function startEnvoy(options: EnvoyOptions): Promise<Envoy> {
  await writeFile(options.folder.bootstrap, JSON.stringify(options.bootstrap, null, 1), { mode: 0o600 });
  const envoy = new EnvoyProcess(options);
  await envoy.start();
  return envoy;
}

class EnvoyProcess implements Envoy {
  readonly admin: EnvoyAdmin;
  readonly #options: EnvoyOptions;
  readonly #args: readonly string[];
  readonly #ended = new AbortController();
  #adopted: ProcessIdentity | undefined;
  #child: Child | undefined;
  #state: EnvoyState = 'down';
  #exits = 0;
  #silences = 0;
  #startedAt = 0;
  #attempts = 0;

  constructor(options: EnvoyOptions) {
    this.#options = options;
    this.admin = envoyAdmin(options.folder.adminSocket);
    const { concurrency, folder } = options;
    this.#args = [
      ...['--config-path', folder.bootstrap, '--disable-hot-restart', '--log-level', 'warning'],
      ...['--log-format', envoyLogFormat, '--drain-time-s', String(drainTimeSeconds), '--drain-strategy', 'immediate'],
      ...(concurrency > 0 ? ['--concurrency', String(concurrency)] : []),
    ];
  }

  get pid(): number | undefined {
    return this.#adopted?.pid ?? this.#child?.pid;
  }

  get state(): EnvoyState {
    return this.#state;
  }

  get exits(): number {
    return this.#exits;
  }

  async start(): Promise<void> {
    const { folder, log, drainMs } = this.#options;
    const record = await readRecord(folder.envoyRecord);
    if (record !== undefined && (await isRunning(record))) {
      const { pid } = record;
      const answers = await this.#answers(record);
      if (answers && record.start === this.#fingerprint()) {
        this.#adopted = record;
        log.info({ pid }, 'Envoy runs already and is adopted');
      } else {
        log.warn(
          { pid },
          answers ? 'Envoy runs with other settings: it is replaced' : 'Envoy does not answer: it is replaced',
        );
        if (answers) await this.#drain(drainMs);
        await endProcess(record);
      }
    } else if ((await this.admin.state()) !== 'silent') {
      log.warn('an Envoy without a record answers: it is replaced');
      await this.admin.quit();
    }
    if (this.#adopted === undefined) this.#spawn();
    void this.#watch();
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    if (this.#state === 'live') await this.#drain(this.#options.drainMs);
    if (this.#adopted !== undefined) await endProcess(this.#adopted);
    await this.#child?.stop({ graceMs: stopGraceMs });
    await rm(this.#options.folder.envoyRecord, { force: true });
  }

  leave(): void {
    this.#ended.abort();
  }

  #spawn(): void {
    const { binary, folder, log } = this.#options;
    this.#child = startChild({
      name: 'envoy',
      command: binary,
      args: this.#args,
      env: withoutOurs(process.env),
      log,
      // Restarted here: after `leave` it must not be.
      restart: false,
      logFile: folder.envoyLog,
      outlives: true,
      onStart: (pid) => {
        this.#record(pid).catch((error: unknown) => log.error({ err: error }, 'the record of Envoy was not written'));
      },
    });
    this.#startedAt = performance.now();
    this.#child.exited.then(
      (exit) => this.#restart({ ...exit }),
      (error: unknown) => this.#restart({ err: error }),
    );
  }

  /** Restarts what ended, with growing pauses. */
  #restart(exit: object): void {
    const { signal } = this.#ended;
    if (signal.aborted) return;
    this.#child = undefined;
    this.#down();
    if (performance.now() - this.#startedAt > restart.maxMs) this.#attempts = 0;
    const waitMs = backoff(this.#attempts++, restart);
    this.#options.log.error({ ...exit, waitMs: Math.round(waitMs) }, 'Envoy ended and is restarted');
    void pause(waitMs, signal).then(() => {
      if (!signal.aborted) this.#spawn();
    });
  }

  /**
   * Finds out in one loop what events do not tell: that Envoy became live, that an adopted one ended, that it hangs.
   */
  async #watch(): Promise<void> {
    const signal = this.#ended.signal;
    while (!signal.aborted) {
      const adopted = this.#adopted;
      if (adopted !== undefined && !(await isRunning(adopted))) {
        this.#adopted = undefined;
        this.#restart({});
      }
      await this.#ask();
      await pause(this.#state === 'live' ? watchMs : startPollMs, signal);
    }
  }

  async #ask(): Promise<void> {
    const pid = this.pid;
    if (pid === undefined) return;
    const exits = this.#exits;
    const answer = await this.admin.state();
    // It ended meanwhile: the answer was the last of the old one.
    if (exits !== this.#exits || this.#ended.signal.aborted) return;
    if (answer === 'live' && this.#state === 'down') this.#change('live');
    this.#silences = answer === 'silent' && this.#state === 'live' ? this.#silences + 1 : 0;
    if (this.#silences < silencesMax) return;
    this.#options.log.error({ pid }, 'Envoy does not answer any more and is killed');
    this.#silences = 0;
    signalProcess(pid, 'SIGKILL');
  }

  #down(): void {
    if (this.#ended.signal.aborted) return;
    this.#exits++;
    this.#silences = 0;
    if (this.#state === 'live') this.#change('down');
  }

  #change(state: EnvoyState): void {
    this.#state = state;
    this.#options.onChange(state);
  }

  async #drain(drainMs: number): Promise<void> {
    if (drainMs === 0) return;
    try {
      await this.admin.drain();
      const until = performance.now() + drainMs;
      while (performance.now() < until && (await this.admin.openConnections()) > 0) await pause(drainPollMs);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'Envoy was not drained');
    }
  }

  /** Whether an Envoy that is to be adopted answers; one that is busy is given time. */
  async #answers(envoy: ProcessIdentity): Promise<boolean> {
    const until = performance.now() + adoptMaxMs;
    while (performance.now() < until && (await isRunning(envoy))) {
      if ((await this.admin.state()) !== 'silent') return true;
      await pause(startPollMs);
    }
    return false;
  }

  async #record(pid: number): Promise<void> {
    const identity = await identityOf(pid);
    if (identity === undefined) return;
    const path = this.#options.folder.envoyRecord;
    const record: EnvoyRecord = { ...identity, start: this.#fingerprint() };
    await writeFile(`${path}.new`, JSON.stringify(record), { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  #fingerprint(): string {
    const { binary, bootstrap } = this.#options;
    return createHash('sha256')
      .update(JSON.stringify([binary, this.#args, bootstrap]))
      .digest('hex');
  }
}

async function readRecord(path: string): Promise<EnvoyRecord | undefined> {
  try {
    return recordShape.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

async function endProcess(identity: ProcessIdentity): Promise<void> {
  const killAt = performance.now() + stopGraceMs;
  signalProcess(identity.pid, 'SIGTERM');
  while (await isRunning(identity)) {
    if (performance.now() > killAt) signalProcess(identity.pid, 'SIGKILL');
    await pause(startPollMs);
  }
}

/** Takes our tokens and keys out of the environment: Envoy has no business with them. */
function withoutOurs(env: Readonly<Record<string, string | undefined>>): Record<string, undefined> {
  const ours = Object.keys(env).filter((name) => /^(FLEETGATE_|DATABASE_URL$|NATS_)/.test(name));
  return Object.fromEntries(ours.map((name) => [name, undefined]));
}
