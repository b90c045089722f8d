// What was done to the schema is noted for the history, also where it failed.
import t from 'tap';
import { Client } from 'pg';
import { parseDeedEvent } from '#libs/events/parse-deed-event.ts';
import { throwawayPostgres } from '#libs/testing/peers/throwaway.ts';
import { migrate } from './run.ts';

void t.test('migrations that were applied, and one that failed', async (t) => {
  const { url } = await throwawayPostgres(t);
  const client = new Client({ connectionString: url });
  await client.connect();
  t.teardown(() => client.end());
  await client.query('drop schema public cascade; create schema public');
  await migrate(url);
  const noted = async () => {
    const { rows } = await client.query<{ data: string }>('select data from deeds order by noted_at, id');
    return rows.map(({ data }) => {
      const parsed = parseDeedEvent(JSON.parse(data));
      return parsed.ok ? parsed.value : parsed.problems;
    });
  };
  t.match(await noted(), [
    {
      type: 'migrated',
      subject: /^\d{4}-/,
      reason: /^applied the migrations 0001-initial to \d{4}-/,
      actor: { role: 'database' },
    },
  ]);
  t.equal((await migrate(url)).length, 0);
  t.equal((await noted()).length, 1, 'where there is nothing to do nothing is noted');

  // As after a backup of another table than this.
  const [newest] = (
    await client.query<{ name: string }>(
      'delete from kysely_migration where name = (select max(name) from kysely_migration) returning name',
    )
  ).rows;
  await t.rejects(migrate(url));
  t.match((await noted())[1], {
    ...{ type: 'migrated', subject: newest?.name, outcome: 'failure' },
    reason: new RegExp(`^could not apply the migration ${newest?.name}: `),
  });
});

void t.test('a database that has no place for notes fails with its own error', async (t) => {
  const { url } = await throwawayPostgres(t);
  const client = new Client({ connectionString: url });
  await client.connect();
  t.teardown(() => client.end());
  await client.query('drop schema public cascade; create schema public; create table clusters (name text)');
  await t.rejects(migrate(url), /clusters/);
});
