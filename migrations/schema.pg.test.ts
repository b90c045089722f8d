// Tests that the migrations give the schema that schema.sql shows, once, however many run them.
import { Client } from 'pg';
import t from 'tap';
import { golden } from '#libs/testing/golden.ts';
import { throwawayPostgres } from '#libs/testing/peers/throwaway.ts';
import { migrate, migrationsPending } from './run.ts';
import { dumpSchema } from '#libs/testing/schema-dump.ts';

void t.test('two at once apply each migration once', async (t) => {
  const { url } = await throwawayPostgres(t, { schema: 'none' });
  const before = await migrationsPending(url);
  t.ok(before.includes('0001-initial'));
  const applied = await Promise.all([migrate(url), migrate(url), migrate(url)]);
  t.strictSame(applied.flat(), before);
  t.strictSame(await migrationsPending(url), []);
  t.strictSame(await migrate(url), []);
});

void t.test('the dumped schema is the schema', async (t) => {
  const { url } = await throwawayPostgres(t);
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    golden(t, new URL('schema.sql', import.meta.url), await dumpSchema(client));
  } finally {
    await client.end();
  }
});
