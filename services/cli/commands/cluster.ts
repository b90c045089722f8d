// Runs `fleetgate cluster remove|readmit|rename`: what is done to a whole cluster. Its history stays in any case.
import type { Command } from 'commander';
import { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import { readClusters, readGateways } from '../client/fleet-reads.ts';
import { addClientAction } from '../shell/client-command.ts';

const flags = z.object({ reason: z.string().max(1000).optional() });
const removeFlags = flags.extend({ yes: z.boolean().optional() });

/** Adds the sub-commands. */
export function configureCluster(command: Command): void {
  configureRemove(command.command('remove').summary('serve nothing of a cluster any more; its history stays'));
  configureReadmit(command.command('readmit').summary('take a cluster on again that was removed'));
  configureRename(command.command('rename').summary('show a cluster by another name; its agent may use either'));
}

function configureRemove(command: Command): void {
  withReason(command.argument('<name>', 'as `clusters` shows it')).option('--yes', 'do it; else only say what goes');
  addClientAction(command, removeFlags, async ({ client, print }, [name = ''], { reason, yes }) => {
    const going = await whatGoes(client, name);
    if (yes !== true) throw fail('command-refused', going, { hint: 'Add --yes to remove it.' });
    const done = await client.call(endpoints.removeCluster, { params: { cluster: name }, body: { reason } });
    print(done, () => `${going}\n${done.cluster} is removed (event ${done.seq}); stop its agent`);
  });
}

function configureReadmit(command: Command): void {
  withReason(command.argument('<name>', 'as `clusters --removed` shows it'));
  addClientAction(command, flags, async ({ client, print }, [name = ''], { reason }) => {
    const done = await client.call(endpoints.readmitCluster, { params: { cluster: name }, body: { reason } });
    print(done, () => `${done.cluster} is taken on again (event ${done.seq}); its agent tells what there is`);
  });
}

function configureRename(command: Command): void {
  withReason(command.argument('<name>', 'as `clusters` shows it').argument('<new-name>', 'a DNS label'));
  addClientAction(command, flags, async ({ client, print }, [name = '', to = ''], { reason }) => {
    const done = await client.call(endpoints.renameCluster, { params: { cluster: name }, body: { to, reason } });
    print(done, () => `${name} is shown as ${to} (event ${done.seq}); in keys and digests it keeps its name`);
  });
}

function withReason(command: Command): Command {
  return command.option('--reason <text>', 'why; kept in the history');
}

/** Says what a removal takes away. Throws FleetgateError 'not-found' where there is no such cluster. */
async function whatGoes(client: FleetClient, name: string): Promise<string> {
  const clusters = await readClusters(client);
  const cluster = clusters.find((one) => one.name === name || one.identity === name);
  if (cluster === undefined)
    throw fail('not-found', `there is no cluster ${name}`, { hint: '`fleetgate clusters` lists what there is.' });
  const gateways = await readGateways(client, { cluster: name });
  const objects = Object.values(cluster.objects).reduce((sum, count) => sum + count, 0);
  const named = gateways.map(
    ({ gateway, serving, pinned }) => `${gateway} (version ${serving}${pinned ? ', pinned' : ''})`,
  );
  const serving = named.length === 0 ? 'no gateway' : named.join(', ');
  return `removing ${cluster.name} takes ${objects} objects away and ends the serving of ${serving}`;
}
