// GET, POST and DELETE /tokens, for admins.
import { sql } from 'kysely';
import { z } from 'zod';
import { createToken, roles } from '../../tokens.ts';
import { newToken, pageOf, tokenRow } from '#libs/api/models.ts';
import { cursor, limit, parseCursor, toPage } from '../parameters.ts';
import { Problem } from '#libs/api/problem.ts';
import { defineRoute } from '../endpoint.ts';

export const listTokens = defineRoute({
  method: 'GET',
  path: '/tokens',
  role: 'admin',
  tag: 'access',
  summary: 'Tokens, revoked ones included; never their texts',
  input: z.object({
    query: z.object({ limit: limit(), after: cursor }),
  }),
  returns: pageOf(tokenRow),
  async handle(api, { query }) {
    const key = parseCursor(query.after, 1);
    if (key === null) return new Problem('bad-request', 'query.after: not a cursor');
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
  },
});

export const makeToken = defineRoute({
  method: 'POST',
  path: '/tokens',
  role: 'admin',
  tag: 'access',
  summary: 'Make a token; its text is shown only in this answer',
  input: z.object({
    body: z.strictObject({
      name: z
        .string()
        .min(1)
        .max(100)
        .regex(/^[^\p{Cc}]+$/u, 'must be one line of text'),
      role: z.enum(roles),
    }),
  }),
  returns: newToken,
  handle: async (api, { body }) => ({ ...body, ...(await createToken(api.db, body)) }),
});

export const revokeToken = defineRoute({
  method: 'DELETE',
  path: '/tokens/:id',
  role: 'admin',
  tag: 'access',
  summary: 'Revoke a token; open connections with it are closed within seconds',
  input: z.object({
    params: z.object({ id: z.string().regex(/^[-\w]{1,64}$/) }),
  }),
  returns: tokenRow,
  async handle(api, { params }) {
    const { rows } = await sql<{ name: string; role: string; created_at: Date; revoked_at: Date; last: boolean }>`
      with last as (
        select not exists (select 1 from tokens where role = 'admin' and revoked_at is null and id <> ${params.id})
               and exists (select 1 from tokens where role = 'admin' and revoked_at is null and id = ${params.id}) as last),
      revoked as (
        update tokens set revoked_at = coalesce(revoked_at, now()) from last where id = ${params.id} and not last.last
        returning name, role, created_at, revoked_at, pg_notify('fleetgate_tokens', id) as told)
      select r.name, r.role, r.created_at, r.revoked_at, l.last from last l left join revoked r on true`.execute(
      api.db,
    );
    const [row] = rows;
    if (row?.last) return new Problem('conflict', 'this is the last admin token', 'Make another admin token first.');
    if (row === undefined || row.revoked_at === null) return new Problem('not-found', `there is no token ${params.id}`);
    api.tokens.forget(params.id);
    const { name, role, created_at, revoked_at } = row;
    return { id: params.id, name, role, createdAt: created_at.toISOString(), revokedAt: revoked_at.toISOString() };
  },
});
