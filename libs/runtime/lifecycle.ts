// Runs a process from its start to its end: signals stop it gracefully within a deadline, a fatal error is logged once
// and ends it with 1. A process that `up` started also stops when its parent is gone, however the parent ended, and one
// that npm started when npm is.
import { FleetgateError, fail } from './errors.ts';
import { type Logger, createLogger } from './log.ts';
import { tiedVariable, watchLauncher } from '#libs/runtime/process/launcher.ts';

export interface RunningService {
  stop(): Promise<void>;
  /** Settles when the service ends by itself; a rejection is fatal. */
  readonly done?: Promise<void>;
}

const stopDeadlineMs = 15_000;

/**
 * Runs a service until it is told to stop, then ends the process: 0 after a clean stop, 1 after a failure, 2 for
 * mistakes in the configuration.
 */
export function runService(
  name: string,
  start: (signal: AbortSignal) => Promise<RunningService>,
  options: { readonly log?: Logger; readonly stopDeadlineMs?: number } = {},
): void {
  const log = options.log ?? createLogger({ service: name });
  const abort = new AbortController();
  let ending = false;
  let service: RunningService | undefined;

  async function end(code: number): Promise<void> {
    if (ending) return;
    ending = true;
    const deadline = setTimeout(() => {
      log.error({ err: fail('not-stopped', name) }, 'stopping took too long');
      process.exit(1);
    }, options.stopDeadlineMs ?? stopDeadlineMs);
    abort.abort();
    try {
      await service?.stop();
    } catch (error) {
      log.error({ err: error }, 'stopping failed');
      process.exit(1);
    }
    clearTimeout(deadline);
    log.info('stopped');
    process.exit(code);
  }

  function crash(error: unknown): void {
    if (error instanceof FleetgateError && error.code === 'config') {
      process.stderr.write(`${error.message}\n${error.hint}\n`);
      process.exit(2);
    }
    log.fatal({ err: error }, 'fatal');
    if (ending) process.exit(1);
    void end(1);
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (ending) process.exit(130);
      log.info({ signal }, 'stopping');
      void end(0);
    });
  }
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
  if (process.env[tiedVariable] === '1') watchParent(() => void end(0));
  else void watchLauncher(() => void end(0));

  start(abort.signal)
    .then(async (running) => {
      service = running;
      // A signal that came while starting has aborted `start`; what it started is stopped here.
      if (ending) return running.stop();
      if (running.done === undefined) return;
      await running.done;
      await end(0);
    })
    .catch((error: unknown) => {
      if (!ending) crash(error);
    });
}

function watchParent(gone: () => void): void {
  process.stdin.on('end', gone);
  process.stdin.on('error', gone);
  process.stdin.resume();
  process.stdin.unref?.();
}
