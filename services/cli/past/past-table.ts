// Shows routes and gateways as they were, as tables with a head that says when, and what of them is not known.
import type { GatewayThen, MomentThen, RouteThen } from './past-reads.ts';
import { type Column, type Look, ago, tableOr, wrapLine } from '../views/table.ts';

const routeColumns: readonly Column<RouteThen>[] = [
  { title: 'CLUSTER', cell: ({ cluster }) => cluster },
  { title: 'KIND', cell: ({ kind }) => kind },
  { title: 'ROUTE', cell: ({ namespace, name }) => `${namespace}/${name}` },
  { title: 'HOSTNAMES', cell: ({ hostnames }) => (hostnames.length === 0 ? '*' : hostnames.join(', ')) },
  { title: 'RULES', align: 'right', cell: ({ rules }) => String(rules) },
  {
    title: 'SERVED BY',
    cell: ({ servedBy }) => servedBy.map(({ gateway, version }) => `${gateway}@${version}`).join(', ') || '-',
  },
  { title: 'CHANGED BY', cell: ({ changedBy }) => changedBy?.manager ?? '-' },
  { title: 'CHANGED', cell: ({ recordedAt, seq }) => `${recordedAt} #${seq}` },
];

function gatewayColumns(then: Date): readonly Column<GatewayThen>[] {
  return [
    { title: 'GATEWAY', cell: ({ gateway }) => gateway },
    { title: 'SERVING', align: 'right', cell: ({ serving }) => String(serving) },
    { title: 'STATE', cell: stateText },
    { title: 'ENTRIES', align: 'right', cell: ({ entries }) => String(entries) },
    { title: 'BY', cell: ({ actor }) => actor ?? '-' },
    { title: 'AGE', align: 'right', cell: ({ at }) => ago(at, then) },
  ];
}

function stateText({ deleted, pinned, head, serving }: GatewayThen): string {
  if (deleted) return 'deleted';
  if (!pinned) return 'live';
  return head > serving ? `pinned, ${head - serving} waiting` : 'pinned';
}

/** Writes the table of routes. */
export function routesThenText(moment: MomentThen, routes: readonly RouteThen[], look: Look): string {
  return withMoment(moment, tableOr('no routes', routeColumns, routes, look), look);
}

/** Writes the table of gateways; their ages are those of the moment. */
export function gatewaysThenText(moment: MomentThen, gateways: readonly GatewayThen[], look: Look): string {
  const then = moment.recordedAt === null ? look.now : new Date(moment.recordedAt);
  return withMoment(moment, tableOr('no gateways', gatewayColumns(then), gateways, look), look);
}

function withMoment({ seq, recordedAt, notKnown }: MomentThen, table: string, { width }: Look): string {
  const head = recordedAt === null ? 'before the first event' : `after event #${seq}, recorded ${recordedAt}`;
  return [head, '', table, '', ...notKnown.map((text) => wrapLine(`Not known: ${text}`, width))].join('\n');
}
