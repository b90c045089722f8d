// Says why a list is empty where it was asked for by a place that the fleet does not have: an empty list would say that
// nothing is there. Only empty lists ask, so a mistyped name costs what a good one does not.
import type { Kysely } from 'kysely';
import type { Problem } from '#libs/api/problem.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { noGateway, noneCalled } from '../../not-found.ts';
import { findGateway } from './gateways.ts';

const knownMax = 10_000;

/** The places that a list was asked for by. */
interface Place {
  readonly cluster?: string | undefined;
  readonly namespace?: string | undefined;
  /** `cluster/namespace/name` */
  readonly gateway?: string | undefined;
}

/** Gives the problem that names the first place that is not there; undefined = all of them are. */
export async function absentPlace(
  db: Kysely<Database>,
  { cluster, namespace, gateway }: Place,
): Promise<Problem | undefined> {
  if (cluster !== undefined) {
    const known = await readClusterNames(db);
    if (!known.includes(cluster)) return noneCalled('cluster', cluster, known);
  }
  if (namespace !== undefined) {
    const known = await readNamespaces(db, cluster);
    if (!known.includes(namespace)) return noneCalled('namespace', namespace, known);
  }
  if (gateway !== undefined && (await findGateway(db, gateway)) === undefined) return noGateway(gateway);
  return undefined;
}

async function readClusterNames(db: Kysely<Database>): Promise<readonly string[]> {
  const rows = await db.selectFrom('clusters').select('name').orderBy('name').limit(knownMax).execute();
  return rows.map(({ name }) => name);
}

/** Reads the namespaces that objects are in, and those that are objects themselves. */
async function readNamespaces(db: Kysely<Database>, cluster: string | undefined): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('objects')
    .select((of) => of.fn<string>('coalesce', [of.fn('nullif', ['namespace', of.val('')]), 'name']).as('namespace'))
    .distinct()
    .where((of) => of.or([of('namespace', '<>', ''), of('kind', '=', 'Namespace')]))
    .$if(cluster !== undefined, (query) => query.where('cluster', '=', cluster ?? ''))
    .limit(knownMax)
    .execute();
  return rows.map(({ namespace }) => namespace);
}
