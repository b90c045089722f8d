// Finds the history of an object, also where its cluster was not named.
import { FleetgateError, fail } from '#libs/runtime/errors.ts';
import { type ObjectName, objectNameText } from '../names/object-name.ts';
import type { FleetClient } from './fleet-client.ts';
import { readClusters, readObjectHistory } from './fleet-reads.ts';

type Events = Awaited<ReturnType<typeof readObjectHistory>>;

interface ObjectHistory {
  /** With its cluster. */
  readonly name: ObjectName;
  /** The newest first. */
  readonly events: Events;
}

/**
 * Reads the events of an object, of the one cluster that has it where none was named. Throws FleetgateError 'not-found'
 * where no cluster or several have it.
 */
export async function findHistory(client: FleetClient, name: ObjectName): Promise<ObjectHistory> {
  const { cluster } = name;
  if (cluster !== undefined) return { name, events: await readObjectHistory(client, { ...name, cluster }) };
  const clusters = await readClusters(client);
  const found = await Promise.all(
    clusters.map(async (one) => {
      const named = { ...name, cluster: one.name };
      return { name: named, events: await readObjectHistory(client, named).catch(nothingWhereNotFound) };
    }),
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

function nothingWhereNotFound(error: unknown): Events {
  if (error instanceof FleetgateError && error.code === 'not-found') return [];
  throw error;
}
