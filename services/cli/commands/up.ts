// Runs `fleetgate up`: a whole fleet on this machine until Ctrl-C. It stops in order; a second Ctrl-C stops it at once.
import type { Command } from 'commander';
import { addOptions, readOptions } from '#libs/runtime/config.ts';
import { tiedVariable, watchLauncher } from '#libs/runtime/process/launcher.ts';
import { describeFailure } from '../shell/failure.ts';
import { FleetClient } from '../client/fleet-client.ts';
import { type ReportForm, startReport } from '../up/report.ts';
import { killEverything } from '../up/force.ts';
import { serveUntil } from '../up/session.ts';
import { readSettings, upOptions } from '../up/settings.ts';
import { startFleet } from '../up/fleet.ts';
import { Teardown } from '../up/teardown.ts';

/** A terminal and npm may both pass on the same Ctrl-C. */
const sameKeyMs = 1000;

/** Adds options and action. */
export function configureUp(command: Command): void {
  addOptions(command, upOptions).action(async (flags: Record<string, unknown>) => {
    const startedAt = performance.now();
    const settings = readSettings(readOptions(upOptions, flags, process.env), process.cwd(), process.env);
    const form = formOf(settings.output);
    const report = startReport(form, process.stdout);
    const stopping = stopOnSignal(() => killEverything(settings.data));
    const teardown = new Teardown();
    let exitCode = 0;
    try {
      const fleet = await startFleet(settings, report, teardown, stopping);
      const client = new FleetClient({ url: fleet.url, token: fleet.secrets.adminToken });
      await Promise.race([serveUntil(stopping, { settings, fleet, client, report, form, startedAt }), fleet.failed]);
    } catch (error) {
      if (!stopping.aborted) {
        const failure = describeFailure(error);
        exitCode = failure.exitCode;
        report.close();
        process.stderr.write(failure.text);
      }
    }
    report.close();
    report.tell({ event: 'stopping' });
    for (const message of await teardown.run()) report.tell({ event: 'warning', message });
    report.tell({ event: 'stopped' });
    process.exit(exitCode);
  });
}

function formOf(output: 'auto' | 'plain' | 'json'): ReportForm {
  if (output === 'auto') return process.stdout.isTTY ? 'terminal' : 'plain';
  return output;
}

/**
 * Makes a signal that is aborted by the first Ctrl-C, or when the process that this one is tied to is gone, npm where
 * it started this one. A second Ctrl-C, later than an echo of the first, calls `force` and ends the process.
 */
function stopOnSignal(force: () => void): AbortSignal {
  const abort = new AbortController();
  let firstAt = 0;
  // The terminal may be gone before the last line is written.
  process.stdout.on('error', () => undefined);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (!abort.signal.aborted) {
        firstAt = performance.now();
        abort.abort();
      } else if (performance.now() - firstAt > sameKeyMs) {
        force();
        process.exit(130);
      }
    });
  }
  void watchLauncher(() => abort.abort());
  if (process.env[tiedVariable] === '1') {
    process.stdin.once('end', () => abort.abort());
    process.stdin.once('error', () => abort.abort());
    process.stdin.resume();
  }
  return abort.signal;
}
