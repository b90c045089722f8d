// Says how tokens are listed, made and revoked through the API.
import { z } from 'zod';
import { type Endpoint, apiPrefix } from '#libs/api/endpoint.ts';
import { pageOf } from '#libs/api/models/page.ts';
import { newToken, tokenRow } from '#libs/api/models/token.ts';
import { id, page, text } from '#libs/api/parameters.ts';
import { roles } from '#libs/api/role.ts';

const reason = text(1000).optional().describe('For the history.');

export const tokensEndpoints = {
  listTokens: {
    method: 'GET',
    path: `${apiPrefix}/tokens`,
    role: 'admin',
    tag: 'access',
    summary: 'Tokens, revoked ones included; never their texts',
    input: z.object({ query: page }),
    returns: pageOf(tokenRow),
  },
  makeToken: {
    method: 'POST',
    path: `${apiPrefix}/tokens`,
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
        reason,
      }),
    }),
    returns: newToken,
  },
  revokeToken: {
    method: 'DELETE',
    path: `${apiPrefix}/tokens/:id`,
    role: 'admin',
    tag: 'access',
    summary: 'Revoke a token; open connections with it are closed within seconds',
    input: z.object({ params: z.object({ id }), query: z.object({ reason }) }),
    returns: tokenRow,
    refuses: ['not-found', 'conflict'],
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
