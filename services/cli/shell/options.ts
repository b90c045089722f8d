// Holds the options and arguments that several commands have, so that each reads and works the same everywhere.
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { fail } from '#libs/runtime/errors.ts';
import { outputFormats, outputOption } from './output-format.ts';

/** How a gateway is named in arguments and options. */
export const gatewayForm = 'cluster/namespace/name, or the end of it where that is unique';

/** The flags of every command that asks a fleet. */
export const fleetFlags = z.object({ output: z.enum(outputFormats.answer), data: z.string().optional() });

/** Adds the options of every command that asks a fleet. */
export function addFleetOptions(command: Command): Command {
  return command
    .addOption(outputOption('answer', 'table for people, json for programs'))
    .addOption(new Option('--data <folder>', 'the `up` that holds this data folder').env('FLEETGATE_DATA'));
}

/** Adds the option that leaves one cluster only. */
export function addClusterOption(command: Command): Command {
  return command.option('--cluster <name>', 'only of this cluster');
}

/** Reads the flags of a command by a schema. Throws FleetgateError 'config' that lists every mistake. */
export function parseFlags<F extends z.ZodType>(schema: F, command: Command): z.output<F> {
  const result = schema.safeParse(command.opts());
  if (result.success) return result.data;
  const mistakes = result.error.issues.map(({ path, message }) => `--${path.join('.')}: ${message}`);
  throw fail('config', mistakes.join('; '));
}
