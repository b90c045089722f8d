// Lets the projector of an `up` write under a role that can append to the history and change nothing of it.
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { grantWriter } from '../../../migrations/writer-rights.ts';

const role = 'fleetgate_writer';

/**
 * Makes the role in an embedded Postgres, with a new password at each start, and gives the URL to connect as it. Throws
 * FleetgateError 'grant-refused'.
 */
export async function makeWriterRole(databaseUrl: string): Promise<string> {
  const password = randomBytes(24).toString('hex');
  const client = new Client({ connectionString: databaseUrl, application_name: 'fleetgate up' });
  try {
    await client.connect();
    const { rows } = await client.query('select from pg_roles where rolname = $1', [role]);
    const verb = rows.length === 0 ? 'create' : 'alter';
    await client.query(`${verb} role ${role} login nosuperuser password '${password}'`);
  } catch (error) {
    throw fail('grant-refused', messageOf(error), { cause: error });
  } finally {
    await client.end().catch(() => undefined);
  }
  await grantWriter(databaseUrl, role);
  const url = new URL(databaseUrl);
  url.username = role;
  url.password = password;
  return url.href;
}
