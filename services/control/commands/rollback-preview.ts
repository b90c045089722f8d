// Says what a rollback would do now: decided by the projector's own rules on what Postgres holds, and not sent.
import type { Kysely } from 'kysely';
import type { z } from 'zod';
import type { Problem } from '#libs/api/problem.ts';
import type { rollbackPreview } from '#libs/api/models/command.ts';
import { decideOperator } from '#libs/projection/versions/operator-decision.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { noGateway, noVersion } from '../not-found.ts';
import { readUnready } from '../unready.ts';
import { problemCodeOf } from './command-answers.ts';
import { readStanding, readTarget } from './command-facts.ts';

const notSent = {
  v: 2,
  type: 'rollback',
  id: 'preview',
  actor: { name: 'preview', role: 'viewer' },
  at: new Date(0).toISOString(),
  expiresAt: new Date(1).toISOString(),
} as const;

/** Reads what a rollback would do; `to` null = to the version before. */
export async function readPreview(
  db: Kysely<Database>,
  gateway: string,
  to: number | null,
): Promise<z.input<typeof rollbackPreview> | Problem> {
  const head = await readStanding(db, gateway);
  if (head === undefined) return noGateway(gateway);
  const { serving, pinned } = head;
  const named = await Promise.all([to, serving, null].map((one) => readTarget(db, gateway, serving, one)));
  const versions = named.filter((one) => one !== undefined);
  const served = await db
    .selectFrom('snapshots')
    .select(['actor', 'at', 'reason', 'of_version'])
    .where('gateway', '=', gateway)
    .where('version', '=', serving)
    .executeTakeFirst();
  const servedBy = served && { ...served, at: served.at.toISOString(), ofVersion: served.of_version };
  const decided = decideOperator(head, { ...notSent, gateway, to }, { versions, servedBy, now: 0 });
  const refused = decided.outcome.result === 'done' ? null : decided.outcome;
  if (refused !== null && problemCodeOf(refused.code) === 'not-found') return noVersion(gateway, to ?? 0);
  const target = refused === null && decided.type === 'rollback' ? decided : { to, digest: undefined };
  const { digest = null } = target;
  const unready = target.to === null ? [] : await readUnready(db, gateway, target.to);
  return { gateway, serving, pinned, to: target.to, digest, refused: refused?.message ?? null, unready };
}
