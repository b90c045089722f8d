// Runs `fleetgate version`: prints this command's version, and that of the control service where one is found.
import type { Command } from 'commander';
import packageFile from '../../../package.json' with { type: 'json' };
import { endpoints } from '#libs/api/endpoints.ts';
import { findFleet } from '../client/fleet-address.ts';
import { FleetClient } from '../client/fleet-client.ts';

/** Adds the action. It does not fail without a fleet. */
export function configureVersion(command: Command): void {
  command.action(async () => {
    process.stdout.write(`fleetgate ${packageFile.version} (Node ${process.versions.node})\n`);
    const line = await controlLine().catch(() => 'control   none found');
    process.stdout.write(`${line}\n`);
  });
}

async function controlLine(): Promise<string> {
  const client = new FleetClient(await findFleet(process.env, process.env['FLEETGATE_DATA']));
  const { version, name, role } = await client.call(endpoints.readWhoAmI, {});
  return `control   ${version} at ${client.url} (token "${name}", ${role})`;
}
