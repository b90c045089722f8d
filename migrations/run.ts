// Applies the migrations of this folder, forward only. Safe when two run at once: the second waits for the first, then
// finds nothing to do.
import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Kysely, PostgresDialect } from 'kysely';
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import { Pool } from 'pg';
import { messageOf } from '#libs/runtime/errors.ts';
import { localDoer, noteDeedAt } from '#libs/runtime/postgres/deeds.ts';
import { type MigrationLog, progress } from './progress.ts';

const reasonMax = 4096;
const folder = fileURLToPath(new URL('.', import.meta.url));
/** A migration is known by its name; an installed package has it as JavaScript. */
const migrationFile = /^(\d{4}-[a-z0-9-]+)\.[jt]s$/;

/** Brings the schema to the newest version; answers the names of the migrations that it applied. */
export async function migrate(url: string, log?: MigrationLog, why?: string): Promise<readonly string[]> {
  return withMigrator(url, async (migrator) => {
    const { error, results } = await progress.run(log, () => migrator.migrateToLatest());
    const applied: string[] = [];
    for (const { migrationName, status } of results ?? []) {
      if (status !== 'Success') continue;
      applied.push(migrationName);
      log?.info({ migration: migrationName }, 'migration applied');
    }
    if (error !== undefined) {
      const failed = results?.find(({ status }) => status === 'Error')?.migrationName;
      if (failed !== undefined) await noteFailure(failed, error, { url, why });
      throw error;
    }
    if (applied.length > 0) await note(applied, { url, why });
    return applied;
  });
}

/** Names the database of a note, and why migrations were applied. */
interface NotePlace {
  readonly url: string;
  readonly why: string | undefined;
}

/** Notes for the history what was applied. `kysely_migration` has it too, should this process end before. */
async function note(applied: readonly string[], { url, why }: NotePlace): Promise<void> {
  const newest = applied.at(-1) ?? '';
  const names = applied.length === 1 ? newest : `${applied[0]} to ${newest}`;
  await noteDeedAt(url, { ...newDeed(newest, why), reason: `applied the migrations ${names}` });
}

/** Notes what failed. A database without a place for notes, or none at all, is what the error itself says. */
async function noteFailure(migration: string, error: unknown, { url, why }: NotePlace): Promise<void> {
  const reason = `could not apply the migration ${migration}: ${messageOf(error)}`.slice(0, reasonMax);
  await noteDeedAt(url, { ...newDeed(migration, why), reason, outcome: 'failure' }).catch(() => undefined);
}

function newDeed(subject: string, why: string | undefined) {
  const id = `migrated:${randomUUID()}`;
  return { v: 1, type: 'migrated', id, at: new Date().toISOString(), ...localDoer(why), subject } as const;
}

/** Names the migrations that the database lacks, oldest first; changes nothing. */
export async function migrationsPending(url: string): Promise<readonly string[]> {
  return withMigrator(url, async (migrator) => {
    const known = await migrator.getMigrations();
    return known.filter(({ executedAt }) => executedAt === undefined).map(({ name }) => name);
  });
}

async function withMigrator<T>(url: string, use: (migrator: Migrator) => Promise<T>): Promise<T> {
  const pool = new Pool({ connectionString: url, max: 2, application_name: 'fleetgate migrate' });
  // An idle connection's failure is reported by the next query.
  pool.on('error', () => undefined);
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    return await use(new Migrator({ db, provider }));
  } finally {
    await db.destroy();
  }
}

// Not kysely's FileMigrationProvider: it would load every file here, tests too.
const provider: MigrationProvider = {
  async getMigrations() {
    const migrations: Record<string, Migration> = {};
    for (const file of (await readdir(folder)).toSorted()) {
      const name = migrationFile.exec(file)?.[1];
      if (name === undefined) continue;
      migrations[name] = parseMigration(await import(pathToFileURL(folder + file).href), file);
    }
    return migrations;
  },
};

function parseMigration(module: unknown, file: string): Migration {
  if (!isMigration(module)) throw new TypeError(`migrations/${file} exports no function "up"`);
  return module;
}

function isMigration(module: unknown): module is Migration {
  return typeof module === 'object' && module !== null && 'up' in module && typeof module.up === 'function';
}
