// Runs `fleetgate token create|list|revoke`, which say who may do what and need an admin's token, and `token first`,
// which makes the first token and needs the database.
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { endpoints } from '#libs/api/endpoints.ts';
import { roles } from '#libs/api/role.ts';
import { type Options, addOptions, defineOptions, readOptions, text } from '#libs/runtime/config.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { createLogger } from '#libs/runtime/log.ts';
import { databaseOptions } from '#libs/runtime/shared-options.ts';
import { localDoer } from '#libs/runtime/postgres/deeds.ts';
import { openPostgres } from '#libs/runtime/postgres/postgres.ts';
import { createToken } from '../../control/access/tokens.ts';
import { readTokens } from '../client/fleet-reads.ts';
import { addClientAction } from '../shell/client-command.ts';
import { newTokenText, tokenTable } from '../views/token-table.ts';

const reasonFlags = z.object({ reason: z.string().max(1000).optional() });
const newTokenFlags = reasonFlags.extend({ name: z.string(), role: z.enum(roles) });
const firstOptions = defineOptions({
  databaseUrl: { ...databaseOptions.databaseUrl, description: 'the database, migrated' },
  name: { flag: '--name <name>', schema: text(), description: 'whose it is', default: 'first' },
  reason: { flag: '--reason <text>', schema: text().optional(), description: 'why; kept in the history' },
});

/** Adds the sub-commands. */
export function configureToken(command: Command): void {
  configureCreate(command.command('create').summary('make a token and print it, once'));
  configureFirst(
    command
      .command('first')
      .summary("make an admin's token in the database itself, where no fleet has given one yet, and print it, once"),
  );
  configureList(command.command('list').summary('every token, never its text'));
  configureRevoke(command.command('revoke').summary('end a token').argument('<id>', 'as `token list` shows it'));
}

function configureCreate(command: Command): void {
  command
    .requiredOption('--name <name>', 'whose it is; the history names commands by it')
    .addOption(new Option('--role <role>', 'what it may do').choices(roles).makeOptionMandatory())
    .option('--reason <text>', 'why; kept in the history');
  addClientAction(command, newTokenFlags, async ({ client, print }, _args, body) => {
    const token = await client.call(endpoints.makeToken, { body });
    print(token, () => newTokenText(token));
  });
}

function configureFirst(command: Command): void {
  addOptions(command, firstOptions).action(async (flags: Record<string, unknown>) => {
    const token = await createFirst(readOptions(firstOptions, flags, process.env));
    process.stdout.write(`${newTokenText({ ...token, role: 'admin' })}\n`);
  });
}

function configureList(command: Command): void {
  addClientAction(command, z.object({}), async ({ client, print }) => {
    const tokens = await readTokens(client);
    print(tokens, (look) => tokenTable(tokens, look));
  });
}

function configureRevoke(command: Command): void {
  command.option('--reason <text>', 'why; kept in the history');
  addClientAction(command, reasonFlags, async ({ client, print }, [id = ''], { reason }) => {
    const token = await client.call(endpoints.revokeToken, { params: { id }, query: { reason } });
    print(token, () => `token ${token.id} (${token.name}) is revoked`);
  });
}

async function createFirst({ databaseUrl, name, reason }: Options<typeof firstOptions>) {
  const log = createLogger({ service: 'token', level: 'warn' });
  const postgres = openPostgres({ url: databaseUrl, log, poolMax: 1, name: 'fleetgate token first' });
  try {
    return await createToken(postgres.db, { name, role: 'admin' }, localDoer(reason));
  } catch (error) {
    throw fail('postgres-unreachable', messageOf(error), { cause: error });
  } finally {
    await postgres.close();
  }
}
