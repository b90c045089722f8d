// Shows routes as a table: where each is, for which hostnames, whether it is accepted or why not, and who changed it
// last.
import type { z } from 'zod';
import type { fleetRoute } from '#libs/api/models/route.ts';
import { authorText } from './author-text.ts';
import { type Column, type Look, ago, tableOr, textWidth, wrapLine } from './table.ts';

export type Route = z.output<typeof fleetRoute>;

/**
 * Writes the table of routes, or `empty` where there are none. Where the problems do not fit beside the rest, they
 * stand below it, a line for each.
 */
export function routeTable(routes: readonly Route[], look: Look, empty: string): string {
  const all = columns(look.now);
  const whole = tableOr(empty, all, routes, { width: undefined });
  const fits = look.width === undefined || whole.split('\n').every((line) => textWidth(line) <= (look.width ?? 0));
  if (fits) return whole;
  const table = tableOr(empty, all.slice(0, -1), routes, look);
  const problems = routes.flatMap(({ cluster, kind, namespace, name, problems: own }) =>
    own.map((problem) => wrapLine(`! ${cluster}/${kind}/${namespace}/${name}  ${problem}`, look.width)),
  );
  return [table, ...(problems.length === 0 ? [] : ['', ...problems])].join('\n');
}

function columns(now: Date): readonly Column<Route>[] {
  return [
    { title: 'CLUSTER', cell: ({ cluster }) => cluster },
    { title: 'KIND', cell: ({ kind }) => kind },
    { title: 'ROUTE', cell: ({ namespace, name }) => `${namespace}/${name}` },
    { title: 'HOSTNAMES', cell: ({ hostnames }) => (hostnames.length === 0 ? '*' : hostnames.join(', ')) },
    { title: 'RULES', align: 'right', cell: ({ rules }) => String(rules) },
    { title: 'ACCEPTED', cell: ({ accepted }) => (accepted === null ? '-' : accepted ? 'yes' : 'no') },
    { title: 'CHANGED BY', cell: authorText },
    { title: 'CERTAINTY', cell: ({ certainty }) => certainty },
    { title: 'AGE', align: 'right', cell: ({ recordedAt }) => ago(recordedAt, now) },
    { title: 'PROBLEMS', cell: ({ problems }) => problems.join('; ') },
  ];
}
