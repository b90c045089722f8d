// `fleetgate gateways`: every gateway, the version that it serves, and how many nodes answer by it.
import type { Command } from 'commander';
import { z } from 'zod';
import { gatewaySummary } from '#libs/api/models.ts';
import { addClientAction, readAll } from '../client/client-command.ts';
import { type Column, ago } from '../views/table.ts';

export type Gateway = z.output<typeof gatewaySummary>;

const flags = z.object({ deleted: z.boolean().optional(), cluster: z.string().optional() });

/** Adds options and action. */
export function configureGateways(command: Command): void {
  command.option('--cluster <name>', 'only of this cluster').option('--deleted', 'also those that are gone');
  addClientAction(command, flags, async ({ client, now, print, table }, _args, { cluster, deleted }) => {
    const query = new URLSearchParams({
      ...(cluster === undefined ? {} : { cluster }),
      ...(deleted === true ? { deleted: 'true' } : {}),
    });
    const gateways = await readAll(client, `/api/v1/gateways?${query.toString()}`, gatewaySummary);
    print(gateways, () =>
      [table(gatewayColumns(now), gateways, 'no gateways yet'), ...alarmLines(gateways)].join('\n'),
    );
  });
}

/** The columns of a table of gateways. */
export function gatewayColumns(now: Date): readonly Column<Gateway>[] {
  return [
    { title: 'GATEWAY', cell: ({ gateway }) => gateway },
    { title: 'SERVING', align: 'right', cell: ({ serving }) => (serving === 0 ? '-' : String(serving)) },
    { title: 'STATE', cell: stateOf },
    { title: 'NODES', cell: ({ nodes }) => nodesText(nodes) },
    { title: 'ENTRIES', align: 'right', cell: ({ entries }) => String(entries) },
    { title: 'BY', cell: ({ actor }) => actor ?? '-' },
    { title: 'AGE', align: 'right', cell: ({ at }) => ago(at, now) },
  ];
}

/** What a limit holds back, a line each. */
export function alarmLines(gateways: readonly Gateway[]): readonly string[] {
  const alarms = gateways.flatMap(({ gateway, alarm }) => (alarm === null ? [] : [`! ${gateway}  ${alarm}`]));
  return alarms.length === 0 ? [] : ['', ...alarms];
}

/** In a word or two: live, pinned and how many candidates wait, held back by a limit, deleted. */
export function stateOf({ deleted, pinned, alarm, head, serving }: Gateway): string {
  if (deleted) return 'deleted';
  const waiting = head - serving;
  if (pinned) return waiting > 0 ? `pinned, ${waiting} waiting` : 'pinned';
  return alarm === null ? 'live' : 'held back';
}

/** `2/3`: how many of the connected nodes answer by the serving version; then those that do not or are silent. */
export function nodesText({ applied, connected, rejected, unknown }: Gateway['nodes']): string {
  const notes = [rejected > 0 ? `${rejected} rejected` : '', unknown > 0 ? `${unknown} unknown` : ''].filter(Boolean);
  return [`${applied}/${connected}`, ...notes].join(', ');
}
