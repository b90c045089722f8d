// Shows API tokens as a table, never their text, and a new token with its text, once.
import type { z } from 'zod';
import type { newToken, tokenRow } from '#libs/api/models/token.ts';
import { type Column, type Look, ago, tableOr } from './table.ts';

type Token = z.output<typeof tokenRow>;
type NewToken = Pick<z.output<typeof newToken>, 'id' | 'role' | 'token'>;

/** Writes the table of tokens. */
export function tokenTable(tokens: readonly Token[], look: Look): string {
  return tableOr('no tokens', columns(look.now), tokens, look);
}

/** Writes the text of a new token on a line of its own, and below it how to name it. */
export function newTokenText({ token, id, role }: NewToken): string {
  return `${token}\n\n  id ${id}, role ${role}; it is not shown again`;
}

function columns(now: Date): readonly Column<Token>[] {
  return [
    { title: 'ID', cell: ({ id }) => id },
    { title: 'NAME', cell: ({ name }) => name },
    { title: 'ROLE', cell: ({ role }) => role },
    { title: 'AGE', align: 'right', cell: ({ createdAt }) => ago(createdAt, now) },
    { title: 'REVOKED', cell: ({ revokedAt }) => (revokedAt === null ? '' : `${ago(revokedAt, now)} ago`) },
  ];
}
