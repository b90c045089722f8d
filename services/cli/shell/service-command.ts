// Mounts one service: its options and help come from its table, and it runs until it is told to stop.
import type { Command } from 'commander';
import { type OptionTable, type Options, addOptions, readOptions } from '#libs/runtime/config.ts';
import { type RunningService, runService } from '#libs/runtime/lifecycle.ts';
import { type Logger, createLogger } from '#libs/runtime/log.ts';

/** Adds the options of a service and the action that runs it. */
export function mountService<T extends OptionTable>(
  command: Command,
  name: string,
  table: T,
  start: (options: Options<T>, log: Logger, signal: AbortSignal) => Promise<RunningService>,
): void {
  addOptions(command, table).action((flags: Record<string, unknown>) => {
    const log = createLogger({ service: name });
    runService(name, async (signal) => start(readOptions(table, flags, process.env), log, signal), { log });
  });
}
