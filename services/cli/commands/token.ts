// `fleetgate token create|list|revoke`: who may do what. Needs an admin's token.
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { newToken, tokenRow } from '../../control/api/models.ts';
import { addClientAction, readAll } from '../client-command.ts';
import { type Column, ago } from '../table.ts';

type Token = z.output<typeof tokenRow>;

const roles = ['viewer', 'operator', 'admin', 'node'] as const;

/** Adds the sub-commands. */
export function configureToken(command: Command): void {
  const create = command
    .command('create')
    .summary('make a token and print it, once')
    .requiredOption('--name <name>', 'whose it is; the history names commands by it')
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).makeOptionMandatory());
  addClientAction(
    create,
    z.object({ name: z.string(), role: z.enum(roles) }),
    async ({ client, print }, _args, body) => {
      const token = await client.post('/api/v1/tokens', { name: body.name, role: body.role }, newToken);
      print(token, () => `${token.token}\n\n  id ${token.id}, role ${token.role}; it is not shown again`);
    },
  );

  const list = command.command('list').summary('every token, never its text');
  addClientAction(list, z.object({}), async ({ client, now, print, table }) => {
    const tokens = await readAll(client, '/api/v1/tokens', tokenRow);
    print(tokens, () => table(tokenColumns(now), tokens, 'no tokens'));
  });

  const revoke = command.command('revoke').summary('end a token').argument('<id>', 'as `token list` shows it');
  addClientAction(revoke, z.object({}), async ({ client, print }, [id = '']) => {
    const token = await client.delete(`/api/v1/tokens/${encodeURIComponent(id)}`, tokenRow);
    print(token, () => `token ${token.id} (${token.name}) is revoked`);
  });
}

function tokenColumns(now: Date): readonly Column<Token>[] {
  return [
    { title: 'ID', cell: ({ id }) => id },
    { title: 'NAME', cell: ({ name }) => name },
    { title: 'ROLE', cell: ({ role }) => role },
    { title: 'AGE', align: 'right', cell: ({ createdAt }) => ago(createdAt, now) },
    { title: 'REVOKED', cell: ({ revokedAt }) => (revokedAt === null ? '' : `${ago(revokedAt, now)} ago`) },
  ];
}
