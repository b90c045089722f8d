// Shows gateways: a table of what each serves and where, and below it what a limit holds back.
import type { z } from 'zod';
import type { gatewaySummary } from '#libs/api/models/gateway.ts';
import { type Column, type Look, ago, tableOr, wrapLine } from './table.ts';

export type Gateway = z.output<typeof gatewaySummary>;

/** Writes the table of gateways, and a line for each alarm and each problem. */
export function gatewayLines(gateways: readonly Gateway[], look: Look): readonly string[] {
  const alarms = gateways.flatMap(({ gateway, alarm, problems }) =>
    [...(alarm === null ? [] : [alarm]), ...problems.filter((one) => one !== alarm)].map((text) =>
      wrapLine(`! ${gateway}  ${text}`, look.width),
    ),
  );
  return [
    tableOr('no gateways yet', columns(look.now), gateways, look),
    ...(alarms.length === 0 ? [] : ['', ...alarms]),
  ];
}

function columns(now: Date): readonly Column<Gateway>[] {
  return [
    { title: 'GATEWAY', cell: ({ gateway }) => gateway },
    { title: 'SERVING', align: 'right', cell: ({ serving }) => (serving === 0 ? '-' : String(serving)) },
    { title: 'STATE', cell: gatewayState },
    { title: 'NODES', cell: ({ nodes }) => nodesText(nodes) },
    { title: 'ENTRIES', align: 'right', cell: ({ entries }) => String(entries) },
    { title: 'BY', cell: ({ actor }) => actor ?? '-' },
    { title: 'AGE', align: 'right', cell: ({ at }) => ago(at, now) },
  ];
}

/** Says in a word or two: live, pinned and how many candidates wait, held back by a limit, deleted. */
export function gatewayState({ deleted, pinned, alarm, head, serving }: Gateway): string {
  if (deleted) return 'deleted';
  const waiting = head - serving;
  if (pinned) return waiting > 0 ? `pinned, ${waiting} waiting` : 'pinned';
  return alarm === null ? 'live' : 'held back';
}

/**
 * Writes `2/3`: how many of the nodes that have not left answer by the serving version, then those that rejected it or
 * are silent.
 */
export function nodesText({ applied, connected, rejected, unknown }: Gateway['nodes']): string {
  const notes = [rejected > 0 ? `${rejected} rejected` : '', unknown > 0 ? `${unknown} unknown` : ''].filter(Boolean);
  return [`${applied}/${connected + unknown}`, ...notes].join(', ');
}
