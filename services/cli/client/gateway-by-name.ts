// Finds the gateway that a person means by a short name.
import { fail } from '#libs/runtime/errors.ts';
import { resolveGateway } from '../names/gateway-name.ts';
import type { FleetClient } from './fleet-client.ts';
import { readClusters, readGateways } from './fleet-reads.ts';

/**
 * Finds the gateway, `cluster/namespace/name`, among those that are there, or that ever were. Throws FleetgateError
 * 'not-found' with near names.
 */
export async function findGateway(client: FleetClient, text: string, among: 'now' | 'ever' = 'now'): Promise<string> {
  const gateways = await readGateways(client, among === 'ever' ? { deleted: 'true' } : {});
  const known = gateways.map(({ gateway }) => gateway);
  const choice = resolveGateway(await asShown(client, text, known), known);
  if ('found' in choice) return choice.found;
  if ('ambiguous' in choice) {
    throw fail('not-found', `"${text}" means several gateways: ${choice.ambiguous.join(', ')}`, {
      hint: 'Give the whole name: cluster/namespace/name.',
    });
  }
  throw fail('not-found', `no gateway is called "${text}"`, {
    hint:
      choice.near.length > 0
        ? `Did you mean ${choice.near.join(' or ')}?`
        : 'Names are cluster/namespace/name; `fleetgate gateways` lists what there is.',
  });
}

/** Gives a whole name by which its cluster is shown, where it was typed by the one that it has in keys. */
async function asShown(client: FleetClient, text: string, known: readonly string[]): Promise<string> {
  const [cluster, namespace, name] = text.split('/');
  if (name === undefined || known.includes(text)) return text;
  const clusters = await readClusters(client);
  const shown = clusters.find(({ identity }) => identity === cluster)?.name;
  return shown === undefined ? text : `${shown}/${namespace}/${name}`;
}
