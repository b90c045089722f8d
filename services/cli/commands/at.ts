// Runs `fleetgate at TIME routes|gateways|explain …`: the fleet as it was, by what the history says.
import type { Command } from 'commander';
import { z } from 'zod';
import { fail } from '#libs/runtime/errors.ts';
import { findGateway } from '../client/gateway-by-name.ts';
import { readGatewaysThen, readRoutesThen } from '../past/past-reads.ts';
import { findPlace, placeForm } from '../past/place-by-name.ts';
import { readFleetGround } from '../explain/fleet-ground.ts';
import { addClientAction } from '../shell/client-command.ts';
import { addClusterOption } from '../shell/options.ts';
import { gatewaysThenText, routesThenText } from '../past/past-table.ts';
import { addRequestOptions, requestFlags, tellExplanation } from './explain.ts';

const flags = requestFlags.extend({
  cluster: z.string().optional(),
  namespace: z.string().optional(),
  deleted: z.boolean().optional(),
});

const questions = ['routes', 'gateways', 'explain'] as const;

/** Says which options belong to which question: another one's would change nothing. */
const optionsOf: Readonly<Record<(typeof questions)[number], readonly string[]>> = {
  routes: ['cluster', 'namespace', 'gateway'],
  gateways: ['cluster', 'deleted'],
  explain: ['header', 'gateway', 'node', 'sni', 'clientCertificate', 'port', 'http2', 'all'],
};

const examples = `
Examples:
  fleetgate at 2h routes --cluster eu
  fleetgate at 2026-01-31T09:30:00Z gateways
  fleetgate at '#12345' explain GET http://shop.example/cart
  fleetgate at eu/platform/shared@17 explain GET http://shop.example/cart

An event or a version stands for the end of the transaction that recorded it. Not in the history: statuses, reports of
nodes, endpoints and certificates.`;

/** Adds arguments, options and action. */
export function configureAt(command: Command): void {
  command
    .usage('[options] TIME routes|gateways|explain [[METHOD] URL]')
    .argument('<time>', placeForm)
    .argument('<what>', 'routes, gateways, or explain')
    .argument('[request...]', 'of explain: METHOD and URL, as `fleetgate explain` takes them');
  addClusterOption(command)
    .option('--namespace <name>', 'routes: only of this namespace')
    .option('--deleted', 'gateways: also those that were gone');
  addRequestOptions(command).addHelpText('after', examples);
  addClientAction(command, flags, async ({ client, print }, [time = '', what = '', ...request], given) => {
    const question = questions.find((one) => one === what);
    if (question === undefined) throw fail('config', `"${what}" is none of ${questions.join(', ')}`);
    refuseOthers(command, question);
    const at = await findPlace(client, '<time>', time);
    const { cluster, namespace, deleted, node } = given;
    const gateway = given.gateway === undefined ? undefined : await findGateway(client, given.gateway, 'ever');
    if (question === 'explain') {
      const moment = { at, ...(gateway === undefined ? {} : { gateway }), ...(node === undefined ? {} : { node }) };
      return tellExplanation(request, given, () => readFleetGround(client, moment));
    }
    if (request.length > 0) throw fail('config', `${question} takes no "${request.join(' ')}"`);
    if (question === 'routes') {
      const { moment, items } = await readRoutesThen(client, { at, cluster, namespace, gateway });
      return print({ moment, items }, (look) => routesThenText(moment, items, look));
    }
    const { moment, items } = await readGatewaysThen(client, {
      at,
      cluster,
      deleted: deleted === true ? 'true' : undefined,
    });
    return print({ moment, items }, (look) => gatewaysThenText(moment, items, look));
  });
}

/** Refuses options that the question does not have. Throws FleetgateError 'config'. */
function refuseOthers(command: Command, question: (typeof questions)[number]): void {
  const known = ['output', 'data', ...optionsOf[question]];
  const others = command.options.filter(
    (option) =>
      command.getOptionValueSource(option.attributeName()) === 'cli' && !known.includes(option.attributeName()),
  );
  if (others.length > 0)
    throw fail('config', `${others.map(({ long }) => long).join(', ')}: not an option of \`at TIME ${question}\``);
}
