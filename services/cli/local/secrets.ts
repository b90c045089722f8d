// Keeps the secrets of a local fleet, two tokens and the node key pair, in one file (0600) of the data folder.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { hashToken, newToken } from '#libs/runtime/bearer-token.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { generateNodeKey } from '#libs/runtime/hpke.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { localDoer, noteDeeds } from '#libs/runtime/postgres/deeds.ts';
import { openPostgres } from '#libs/runtime/postgres/postgres.ts';
import { tokenDeed } from '../../control/access/tokens.ts';

const fleetSecrets = z.object({
  adminToken: z.string().min(20),
  nodeToken: z.string().min(20),
  privateKey: z.string().min(20),
  publicKey: z.string().min(20),
});

export type FleetSecrets = Readonly<z.infer<typeof fleetSecrets>>;

/** Reads the secrets of a data folder. Throws FleetgateError 'file' where there are none that can be read. */
export function readSecrets(path: string): FleetSecrets {
  try {
    return fleetSecrets.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw fail('file', `${path} (${messageOf(error)})`, { cause: error });
  }
}

/** Gives the kept secrets, or makes new ones on the first start. */
export function keepSecrets(path: string, exists: boolean): FleetSecrets {
  if (exists) return readSecrets(path);
  const secrets: FleetSecrets = {
    adminToken: newToken(),
    nodeToken: newToken(),
    ...generateNodeKey(),
  };
  writeFileSync(`${path}.new`, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return secrets;
}

/** Makes the database know the two tokens; those that it knows stay as they are, revoked ones too. */
export async function registerTokens(databaseUrl: string, secrets: FleetSecrets, log: Logger): Promise<void> {
  const postgres = openPostgres({ url: databaseUrl, log, poolMax: 1, name: 'fleetgate up' });
  try {
    await postgres.db.transaction().execute(async (transaction) => {
      const made = await transaction
        .insertInto('tokens')
        .values([
          tokenRow('fleetgate up', 'admin', secrets.adminToken),
          tokenRow('local node', 'node', secrets.nodeToken),
        ])
        .onConflict((conflict) => conflict.doNothing())
        .returning(['id', 'name', 'role', 'created_at'])
        .execute();
      const doer = localDoer();
      await noteDeeds(
        transaction,
        made.map((token) => tokenDeed('token-created', token, doer, token.created_at)),
      );
    });
  } finally {
    await postgres.close();
  }
}

function tokenRow(name: string, role: 'admin' | 'node', token: string) {
  const hash = hashToken(token);
  return { id: `up-${role}-${hash.slice(0, 8)}`, name, role, sha256: hash, created_at: new Date(), revoked_at: null };
}
