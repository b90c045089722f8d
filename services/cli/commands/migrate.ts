// Runs `fleetgate migrate`: brings the database to the newest schema.
import type { Command } from 'commander';
import { addOptions, defineOptions, flag, readOptions, text } from '#libs/runtime/config.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { databaseOptions } from '#libs/runtime/shared-options.ts';
import { withLocalDatabase } from '../local/local-database.ts';
import { migrate, migrationsPending } from '../../../migrations/run.ts';
import { grantWriter } from '../../../migrations/writer-rights.ts';
import { exitCodes } from '../shell/exit-code.ts';

const options = defineOptions({
  databaseUrl: { ...databaseOptions.databaseUrl, description: 'the database' },
  grantWriter: {
    flag: '--grant-writer <role>',
    schema: text().optional(),
    description: 'then let this role do what a projector does, and change nothing of the history',
  },
  check: { flag: '--check', schema: flag(), description: 'only say what is pending; exit 1 when there is something' },
  reason: { flag: '--reason <text>', schema: text().optional(), description: 'why; kept in the history' },
});

/** Says how far a long migration is; stdout has what was applied. */
function tell({ events, of }: Readonly<Record<string, unknown>>, message: string): void {
  if (typeof events !== 'number') return;
  process.stderr.write(`… ${message}: ${events}${typeof of === 'number' ? ` of ${of}` : ''}\n`);
}

/** Adds options and action. */
export function configureMigrate(command: Command): void {
  addOptions(command, options).action(async (flags: Record<string, unknown>) => {
    const given = readOptions(options, flags, await withLocalDatabase(process.env));
    const { databaseUrl, check, reason, grantWriter: role } = given;
    const migrated = check ? migrationsPending(databaseUrl) : migrate(databaseUrl, { info: tell }, reason);
    const names = await migrated.catch((error: unknown) => {
      throw fail('postgres-unreachable', messageOf(error), { cause: error });
    });
    for (const name of names) process.stdout.write(`${name} ${check ? 'is pending' : 'applied'}\n`);
    if (names.length === 0) process.stdout.write('the schema is up to date\n');
    if (role !== undefined && !check) {
      await grantWriter(databaseUrl, role);
      process.stdout.write(`${role} can run the projector, and change nothing of the history\n`);
    }
    if (check && names.length > 0) process.exitCode = exitCodes.failed.code;
  });
}
