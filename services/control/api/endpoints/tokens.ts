// Answers GET, POST and DELETE of /tokens, for admins.
import { type Kysely, sql } from 'kysely';
import { endpoints } from '#libs/api/endpoints.ts';
import { Problem } from '#libs/api/problem.ts';
import type { Database, Row } from '#libs/runtime/postgres/database.ts';
import { noteDeeds } from '#libs/runtime/postgres/deeds.ts';
import { createToken, doerOf, tokenDeed } from '../../access/tokens.ts';
import { serve } from '../endpoint.ts';
import { badCursor, parseCursor, toPage } from '../page.ts';

export const listTokens = serve(endpoints.listTokens, async (api, { query }) => {
  const key = parseCursor(query.after, 1);
  if (key === null) return badCursor;
  const rows = await api.db
    .selectFrom('tokens')
    .select(['id', 'name', 'role', 'created_at', 'revoked_at'])
    .where('id', '>', key?.[0] ?? '')
    .orderBy('id')
    .limit(query.limit + 1)
    .execute();
  return toPage(
    rows,
    query.limit,
    ({ created_at, revoked_at, ...row }) => ({
      ...row,
      createdAt: created_at.toISOString(),
      revokedAt: revoked_at?.toISOString() ?? null,
    }),
    ({ id }) => [id],
  );
});

export const makeToken = serve(endpoints.makeToken, async (api, { body }, visitor) => {
  const { reason, ...token } = body;
  return { ...token, ...(await createToken(api.db, token, doerOf(visitor, reason))) };
});

/** Null in the token's columns where none was revoked. */
type RevokedRow = { readonly last: boolean } & (
  | (Pick<Row<'tokens'>, 'name' | 'role' | 'created_at'> & { readonly revoked_at: Date })
  | { readonly name: null; readonly role: null; readonly created_at: null; readonly revoked_at: null }
);

export const revokeToken = serve(endpoints.revokeToken, async (api, { params: { id }, query }, visitor) => {
  const doer = doerOf(visitor, query.reason);
  const row = await api.db.transaction().execute(async (transaction) => {
    const [found] = await revoke(transaction, id);
    if (found !== undefined && found.revoked_at !== null)
      await noteDeeds(transaction, [tokenDeed('token-revoked', { id, ...found }, doer, found.revoked_at)]);
    return found;
  });
  if (row?.last) return new Problem('conflict', 'this is the last admin token', 'Make another admin token first.');
  if (row === undefined || row.revoked_at === null) return new Problem('not-found', `there is no token ${id}`);
  api.tokens.forget(id);
  const { name, role, created_at, revoked_at } = row;
  return { id, name, role, createdAt: created_at.toISOString(), revokedAt: revoked_at.toISOString() };
});

async function revoke(db: Kysely<Database>, id: string): Promise<readonly RevokedRow[]> {
  const { rows } = await sql<RevokedRow>`
    with last as (
      select not exists (select 1 from tokens where role = 'admin' and revoked_at is null and id <> ${id})
             and exists (select 1 from tokens where role = 'admin' and revoked_at is null and id = ${id}) as last),
    revoked as (
      update tokens set revoked_at = coalesce(revoked_at, now()) from last where id = ${id} and not last.last
      returning name, role, created_at, revoked_at, pg_notify('fleetgate_tokens', id) as told)
    select r.name, r.role, r.created_at, r.revoked_at, l.last from last l left join revoked r on true`.execute(db);
  return rows;
}
