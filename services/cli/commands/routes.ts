// `fleetgate routes`: every route of the fleet: where, for which hostnames, accepted or why not, last changed by whom and when.
import type { Command } from 'commander';
import { z } from 'zod';
import { fleetRoute } from '#libs/api/models.ts';
import { addClientAction, readAll } from '../client/client-command.ts';
import { type Column, ago } from '../views/table.ts';

export type Route = z.output<typeof fleetRoute>;

const flags = z.object({
  cluster: z.string().optional(),
  namespace: z.string().optional(),
  gateway: z.string().optional(),
  notAccepted: z.boolean().optional(),
});

/** Adds options and action. */
export function configureRoutes(command: Command): void {
  command
    .option('--cluster <name>', 'only of this cluster')
    .option('--namespace <name>', 'only of this namespace')
    .option('--gateway <gateway>', 'only those that name this gateway as a parent')
    .option('--not-accepted', 'only those that no gateway or not every gateway accepts');
  addClientAction(command, flags, async (context, _args, { cluster, namespace, gateway, notAccepted }) => {
    const { client, now, print, table } = context;
    const query = new URLSearchParams({
      ...(cluster === undefined ? {} : { cluster }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(gateway === undefined ? {} : { gateway: await context.gateway(gateway) }),
      ...(notAccepted === true ? { accepted: 'false' } : {}),
    });
    const routes = await readAll(client, `/api/v1/routes?${query.toString()}`, fleetRoute);
    print(routes, () =>
      table(routeColumns(now), routes, notAccepted === true ? 'every route is accepted' : 'no routes'),
    );
  });
}

/** The columns of a table of routes. */
export function routeColumns(now: Date): readonly Column<Route>[] {
  return [
    { title: 'CLUSTER', cell: ({ cluster }) => cluster },
    { title: 'KIND', cell: ({ kind }) => kind },
    { title: 'ROUTE', cell: ({ namespace, name }) => `${namespace}/${name}` },
    { title: 'HOSTNAMES', cell: ({ hostnames }) => (hostnames.length === 0 ? '*' : hostnames.join(', ')) },
    { title: 'RULES', align: 'right', cell: ({ rules }) => String(rules) },
    { title: 'ACCEPTED', cell: ({ accepted }) => (accepted === null ? '-' : accepted ? 'yes' : 'no') },
    { title: 'CHANGED BY', cell: ({ changedBy }) => changedBy?.manager ?? '-' },
    { title: 'AGE', align: 'right', cell: ({ changedAt }) => ago(changedAt, now) },
    { title: 'PROBLEMS', cell: ({ problems }) => problems.join('; ') },
  ];
}
