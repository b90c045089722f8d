// Opens one connection to Postgres for work that is done and over, such as a rebuild.
import { Client, type ClientBase } from 'pg';
import { fail, messageOf } from '#libs/runtime/errors.ts';

/** Works on a connection and closes it. Throws FleetgateError 'postgres-unreachable'. */
export async function withClient<T>(
  database: { readonly url: string; readonly name: string },
  work: (client: ClientBase) => Promise<T>,
): Promise<T> {
  const client = new Client({ connectionString: database.url, application_name: database.name });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw fail('postgres-unreachable', messageOf(error), { cause: error });
  }
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}
