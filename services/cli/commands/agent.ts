// Runs `fleetgate agent`: watches one cluster as a process of its own; with a sub-command it prints, installs or
// removes the agent of a cluster.
import type { Command } from 'commander';
import { type OptionTable, type Options, addOptions, readOptions } from '#libs/runtime/config.ts';
import { agentOptions } from '../../agent/options.ts';
import { startAgent } from '../../agent/agent.ts';
import { installAgent, printManifest, uninstallAgent } from '../../agent/install/install-agent.ts';
import type { Output } from '../../agent/install/install-audit.ts';
import { installOptions, manifestOptions, uninstallOptions } from '../../agent/install/options.ts';
import { mountService } from '../shell/service-command.ts';

const output: Output = {
  out: (text) => process.stdout.write(text),
  say: (line) => process.stderr.write(`${line}\n`),
};

/** Adds options, action and sub-commands. */
export function configureAgent(command: Command): void {
  // What follows the name of a sub-command is the sub-command's, also where the agent has an option of the same name.
  command.enablePositionalOptions();
  mountService(command, 'agent', agentOptions, startAgent);
  mountTask(command, 'manifest', 'print what the agent needs in its cluster', manifestOptions, async (options) =>
    printManifest(options, output),
  );
  mountTask(
    command,
    'install',
    'apply it, by server-side apply, and wait for the agent',
    installOptions,
    (options, signal) => installAgent(options, output, signal),
  );
  mountTask(command, 'uninstall', 'delete what `install` made', uninstallOptions, (options, signal) =>
    uninstallAgent(options, output, signal),
  );
}

function mountTask<T extends OptionTable>(
  parent: Command,
  name: string,
  summary: string,
  table: T,
  run: (options: Options<T>, signal: AbortSignal) => Promise<void>,
): void {
  const command = parent.command(name).summary(summary).description(`${summary}.`);
  addOptions(command, table).action(async (flags: Record<string, unknown>) => {
    const abort = new AbortController();
    process.once('SIGINT', () => abort.abort());
    await run(readOptions(table, flags, process.env), abort.signal);
  });
}
