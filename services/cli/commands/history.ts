// `fleetgate history OBJECT`: everything that happened to one object, newest first: when, by whom, and what changed.
import type { Command } from 'commander';
import { z } from 'zod';
import { FleetgateError, fail } from '#libs/runtime/errors.ts';
import { cluster, objectEvent } from '#libs/api/models.ts';
import { addClientAction, readAll } from '../client/client-command.ts';
import { fieldLine } from '../views/field-text.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import { type ObjectName, objectNameText, parseObjectName } from '../names/object-name.ts';
import type { Column } from '../views/table.ts';

type ObjectEvent = z.output<typeof objectEvent>;

interface Line {
  readonly seq: string;
  readonly at: string;
  readonly what: string;
  readonly by: string;
  readonly change: string;
}

const columns: readonly Column<Line>[] = [
  { title: 'SEQ', align: 'right', cell: ({ seq }) => seq },
  { title: 'AT', cell: ({ at }) => at },
  { title: 'WHAT', cell: ({ what }) => what },
  { title: 'BY', cell: ({ by }) => by },
  { title: 'CHANGES', cell: ({ change }) => change },
];

/** Adds arguments, options and action. */
export function configureHistory(command: Command): void {
  command.argument('<object>', 'cluster/Kind/namespace/name, for example eu/HTTPRoute/shop/shop');
  addClientAction(command, z.object({}), async ({ client, print, table }, [text = '']) => {
    const parsed = parseObjectName(text);
    if ('problem' in parsed) {
      throw fail('not-found', `"${text}" is no object: ${parsed.problem}`, {
        hint: 'Objects are cluster/Kind/namespace/name, for example eu/HTTPRoute/shop/shop.',
      });
    }
    const { name, events } = await findHistory(client, parsed.name);
    print(events, () => [objectNameText(name), '', table(columns, events.flatMap(linesOf), 'nothing')].join('\n'));
  });
}

/** The events of the object, in the one cluster that has it where none was named. */
async function findHistory(
  client: FleetClient,
  name: ObjectName,
): Promise<{ readonly name: ObjectName; readonly events: readonly ObjectEvent[] }> {
  if (name.cluster !== undefined) return { name, events: await readHistory(client, name.cluster, name) };
  const clusters = await readAll(client, '/api/v1/clusters', cluster);
  const found = await Promise.all(
    clusters.map(async (one) => ({
      name: { ...name, cluster: one.name },
      events: await readHistory(client, one.name, name).catch(nothingWhereNotFound),
    })),
  );
  const [first, ...others] = found.filter(({ events }) => events.length > 0);
  if (first === undefined) {
    throw fail('not-found', `no cluster has ever had ${objectNameText({ ...name, cluster: '*' })}`, {
      hint: '`fleetgate routes` lists the routes of the fleet.',
    });
  }
  if (others.length === 0) return first;
  throw fail('not-found', `${[first, ...others].map((one) => one.name.cluster).join(' and ')} both have it`, {
    hint: `Name the cluster: ${objectNameText(first.name)}`,
  });
}

async function readHistory(
  client: FleetClient,
  clusterName: string,
  name: ObjectName,
): Promise<readonly ObjectEvent[]> {
  const parts = [clusterName, name.kind, name.namespace === '' ? '-' : name.namespace, name.name];
  return readAll(client, `/api/v1/objects/${parts.map(encodeURIComponent).join('/')}/history`, objectEvent);
}

function nothingWhereNotFound(error: unknown): readonly ObjectEvent[] {
  if (error instanceof FleetgateError && error.code === 'not-found') return [];
  throw error;
}

/** A line for the event, and one more for each further change. */
function linesOf(event: ObjectEvent): readonly Line[] {
  const changes = isWhole(event) ? ['the whole object'] : event.changes.map(fieldLine);
  if (event.truncated) changes.push('…');
  const [first = '', ...more] = changes;
  const what = event.to === null ? event.type : `${event.type} to ${event.to}`;
  const change = event.reason === null ? first : event.reason;
  return [
    { seq: event.seq, at: event.at, what, by: event.changedBy?.manager ?? '-', change },
    ...more.map((line) => ({ seq: '', at: '', what: '', by: '', change: line })),
  ];
}

/** The object came or went: its fields are no news. */
function isWhole({ type, changes }: ObjectEvent): boolean {
  return type === 'deleted' || changes.some(({ path, before }) => path === 'apiVersion' && before === undefined);
}
