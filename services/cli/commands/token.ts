// `fleetgate token create|list|revoke`: who may do what. Needs an admin's token; `token first` makes the first one, and needs the database.
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { addOptions, defineOptions, readOptions, text, url } from '#libs/runtime/config.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { openPostgres } from '#libs/runtime/postgres/postgres.ts';
import { newToken, tokenRow } from '#libs/api/models.ts';
import { createToken } from '../../control/tokens.ts';
import { addClientAction, readAll } from '../client/client-command.ts';
import { type Column, ago } from '../views/table.ts';

type Token = z.output<typeof tokenRow>;

const firstOptions = defineOptions({
  databaseUrl: {
    flag: '--database-url <url>',
    env: 'DATABASE_URL',
    schema: url('postgres', 'postgresql'),
    description: 'the database, migrated',
    secret: true,
  },
  name: { flag: '--name <name>', schema: text(), description: 'whose it is', default: 'first' },
});

const roles = ['viewer', 'operator', 'admin', 'node', 'provisioner'] as const;

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

  const first = command
    .command('first')
    .summary("make an admin's token in the database itself, where no fleet has given one yet, and print it, once");
  addOptions(first, firstOptions).action(async (flags: Record<string, unknown>) => {
    const { databaseUrl, name } = readOptions(firstOptions, flags, process.env);
    const log = createLogger({ service: 'token', level: 'warn' });
    const postgres = openPostgres({ url: databaseUrl, log, poolMax: 1, name: 'fleetgate token first' });
    try {
      const { id, token } = await createToken(postgres.db, { name, role: 'admin' });
      process.stdout.write(`${token}\n\n  id ${id}, role admin; it is not shown again\n`);
    } catch (error) {
      throw fail('postgres-unreachable', messageOf(error), { cause: error });
    } finally {
      await postgres.close();
    }
  });

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
