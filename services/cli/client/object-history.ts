// Finds what is told of an object, also where its cluster was not named.
import { FleetgateError, fail } from '#libs/runtime/errors.ts';
import { type ObjectName, objectNameText } from '../names/object-name.ts';
import type { FleetClient } from './fleet-client.ts';
import { readClusters } from './fleet-reads.ts';

/** What was found, of the object with its cluster. */
interface Found<T> {
  readonly name: ObjectName & { readonly cluster: string };
  readonly told: T;
}

/**
 * Reads what is told of an object, of the one cluster that has or had it where none was named; `read` throws
 * FleetgateError 'not-found' where a cluster never had it. Throws the same where no cluster had it, or several.
 */
export async function findObject<T>(
  client: FleetClient,
  name: ObjectName,
  read: (name: Found<T>['name']) => Promise<T>,
): Promise<Found<T>> {
  const { cluster } = name;
  if (cluster !== undefined) return { name: { ...name, cluster }, told: await read({ ...name, cluster }) };
  const clusters = await readClusters(client);
  const found = await Promise.all(
    clusters.map(async (one): Promise<readonly Found<T>[]> => {
      const named = { ...name, cluster: one.name };
      return read(named).then((told) => [{ name: named, told }], nothingWhereNotFound);
    }),
  );
  const [first, ...others] = found.flat();
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

function nothingWhereNotFound(error: unknown): readonly [] {
  if (error instanceof FleetgateError && error.code === 'not-found') return [];
  throw error;
}
