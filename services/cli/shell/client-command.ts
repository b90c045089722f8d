// Mounts a command that asks a fleet: finds the fleet, reads the flags, and prints in the form that was asked for.
import type { Command } from 'commander';
import type { z } from 'zod';
import { findFleet } from '../client/fleet-address.ts';
import { FleetClient } from '../client/fleet-client.ts';
import { findGateway } from '../client/gateway-by-name.ts';
import type { Look } from '../views/table.ts';
import { addFleetOptions, fleetFlags, parseFlags } from './options.ts';
import { currentLook, printAnswer } from './output-format.ts';

export interface ClientContext {
  readonly client: FleetClient;
  /** Prints the value as JSON where `--output json` was given, else the text. */
  readonly print: (value: unknown, text: (look: Look) => string) => void;
  /** Finds the gateway that a short name means. Throws FleetgateError 'not-found' with near names. */
  readonly gateway: (text: string) => Promise<string>;
}

/** Adds the options of every such command, and the action; `args` are the command's arguments as they were typed. */
export function addClientAction<F extends z.ZodType>(
  command: Command,
  schema: F,
  action: (context: ClientContext, args: readonly (string | undefined)[], flags: z.output<F>) => Promise<void>,
): void {
  addFleetOptions(command).action(async (...given: readonly unknown[]) => {
    const { output, data } = fleetFlags.parse(command.opts());
    const client = new FleetClient(await findFleet(process.env, data));
    const context: ClientContext = {
      client,
      print: (value, text) => printAnswer(output, value, () => text(currentLook())),
      gateway: (text) => findGateway(client, text),
    };
    // The last argument of a command may be a list.
    const args = given
      .slice(0, -2)
      .flat()
      .map((arg) => (typeof arg === 'string' ? arg : undefined));
    await action(context, args, parseFlags(schema, command));
  });
}
