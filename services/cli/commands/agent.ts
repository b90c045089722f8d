// `fleetgate agent`: watches one cluster, as a process of its own; `agent manifest|install|uninstall` put it into a cluster.
import type { Command } from 'commander';
import { type OptionTable, type Options, addOptions, readOptions } from '#libs/runtime/config.ts';
import { agentOptions, startAgent } from '../../agent/command.ts';
import * as install from '../../agent/install/command.ts';
import { mountService } from '../service-command.ts';

const output: install.Output = {
  out: (text) => void process.stdout.write(text),
  say: (line) => void process.stderr.write(`${line}\n`),
};

/** Adds options and action, and the sub-commands. */
export function configureAgent(command: Command): void {
  mountService(command, 'agent', agentOptions, startAgent);
  mount(command, 'manifest', 'print the objects of an agent', install.manifestOptions, async (options) =>
    install.printManifest(options, output),
  );
  mount(command, 'install', 'install the agent in a cluster, or update it', install.installOptions, (options, signal) =>
    install.installAgent(options, output, signal),
  );
  mount(command, 'uninstall', 'take the agent out of a cluster', install.uninstallOptions, (options, signal) =>
    install.uninstallAgent(options, output, signal),
  );
}

function mount<T extends OptionTable>(
  parent: Command,
  name: string,
  summary: string,
  table: T,
  run: (options: Options<T>, signal: AbortSignal) => Promise<void>,
): void {
  const command = parent.command(name).summary(summary);
  addOptions(command.description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`), table);
  command.action(async (flags: Record<string, unknown>) => {
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort());
    await run(readOptions(table, flags, process.env), stop.signal);
  });
}
