// Finds the database of the `up` on this machine, for commands that work on it directly.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { findLocalFleets } from './local-fleet.ts';
import { readRecord } from './record-file.ts';

const servers = z.object({ databaseUrl: z.string(), natsUrl: z.string() });
const fileName = 'servers.json';

/** Notes in a data folder where its servers are (0600: the addresses hold passwords). */
export function noteServers(root: string, addresses: z.output<typeof servers>): void {
  writeFileSync(join(root, fileName), `${JSON.stringify(addresses)}\n`, { mode: 0o600 });
}

/** Gives the environment, with DATABASE_URL of the one local `up` where none is set. */
export async function withLocalDatabase(env: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
  if (env['DATABASE_URL'] !== undefined && env['DATABASE_URL'] !== '') return env;
  const [fleet, ...others] = await findLocalFleets(env);
  const data = env['FLEETGATE_DATA'] ?? (others.length === 0 ? fleet?.data : undefined);
  if (data === undefined) return env;
  const record = readRecord(join(data, fileName), servers);
  return record === undefined ? env : { ...env, DATABASE_URL: record.databaseUrl };
}
