// Tests what the migrations make of a history that older versions wrote.
import { readdir } from 'node:fs/promises';
import { Kysely, PostgresDialect } from 'kysely';
import { Client, Pool } from 'pg';
import t from 'tap';
import { erasedName, privateIdOf, replacePrivateIds } from '#libs/events/private-text.ts';
import { logDifferences } from '#libs/testing/log-of-rows.ts';
import { type Teardown, throwawayPostgres } from '#libs/testing/peers/throwaway.ts';
import { migrate } from './run.ts';

type Row = Readonly<Record<string, unknown>>;

/** Opens a database with the schema that it had before a migration. */
async function openBefore(test: Teardown, migration: string): Promise<{ url: string; client: Client }> {
  const { url } = await throwawayPostgres(test, { schema: 'none' });
  const pool = new Pool({ connectionString: url, max: 1 });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  const client = new Client({ connectionString: url });
  await client.connect();
  test.teardown(() => client.end());
  await client.query('create table kysely_migration (name varchar(255) primary key, timestamp varchar(255) not null)');
  const files = (await readdir(import.meta.dirname)).filter((file) => /^\d{4}-/.test(file) && file < migration);
  for (const file of files.toSorted()) {
    const { up }: { up: (db: Kysely<unknown>) => Promise<void> } = await import(`./${file}`);
    await up(db);
    await client.query('insert into kysely_migration values ($1, $2)', [file.slice(0, -3), '2026-01-01T00:00:00Z']);
  }
  await db.destroy();
  return { url, client };
}

const at = '2026-01-01T00:00:00.000Z';

/** Events as version 0.1 stored them, before texts about people were kept apart. */
const oldEvents: readonly (Row & { readonly data: unknown })[] = [
  { type: 'applied', cluster: 'eu', kind: 'HTTPRoute', manager: 'ann', data: { v: 1, type: 'applied', id: 'x' } },
  {
    id: 'cmd-1',
    type: 'rollback',
    manager: 'ann',
    data: { v: 1, id: 'cmd-1', type: 'rollback', gateway: 'eu/infra/web', actor: { name: 'ann', role: 'operator' } },
  },
  {
    id: 'cmd-2',
    type: 'release',
    manager: 'anna',
    data: {
      v: 2,
      id: 'cmd-2',
      type: 'release',
      actor: { name: 'anna', role: 'operator' },
      reason: 'ann asked',
      from: '192.0.2.7',
      outcome: {
        result: 'refused',
        code: 'changed',
        message: `eu/infra/web serves version 4 now since ${at} by ann (ann asked), and not version 3`,
      },
    },
  },
  {
    id: 'token-created:7',
    type: 'token-created',
    kind: 'Token',
    manager: 'anna',
    data: {
      v: 1,
      id: 'token-created:7',
      type: 'token-created',
      actor: { name: 'anna', role: 'admin' },
      from: '192.0.2.7',
      reason: 'made the token 7 (ann, operator)',
    },
  },
  {
    id: 'logins-refused:host/a1:3:203.0.113.9',
    type: 'logins-refused',
    kind: 'Login',
    manager: null,
    data: {
      v: 1,
      id: 'logins-refused:host/a1:3:203.0.113.9',
      type: 'logins-refused',
      actor: null,
      from: '203.0.113.9',
    },
  },
  { id: 'torn', type: 'accept', manager: 'ann', data: 'no json' },
];

async function insertOld(client: Client): Promise<void> {
  for (const [index, { data, ...columns }] of oldEvents.entries()) {
    const row = {
      ...{ seq: index + 1, batch: index + 1, id: `id-${index}`, cluster: 'eu', kind: 'Gateway', namespace: 'infra' },
      ...{
        name: 'web',
        uid: '',
        operation: 'operator',
        at,
        data: typeof data === 'string' ? data : JSON.stringify(data),
      },
      ...columns,
    };
    const values = Object.values(row);
    const marks = values.map((_, place) => `$${place + 1}`).join(', ');
    await client.query(`insert into events (${Object.keys(row).join(', ')}) values (${marks})`, values);
  }
  await client.query(`
    insert into snapshots (gateway, version, digest, entries, cause, seq, at, actor, reason)
    values ('eu/infra/web', 1, 'd', 1, 'change', 1, now(), 'ann', null),
           ('eu/infra/web', 2, 'd', 1, 'rollback', 2, now(), 'ann', 'ann asked')`);
}

void t.test('texts about people are kept apart, and read as before', async (t) => {
  const { url, client } = await openBefore(t, '0008');
  await insertOld(client);
  const read = async (): Promise<readonly Row[]> =>
    (await client.query<Row>('select seq, id, type, manager, data from events order by seq')).rows;
  const before = await read();
  const said: Row[] = [];
  await migrate(url, { info: (fields) => said.push(fields) });
  t.match(said[0], { events: 5 });

  const after = await read();
  const { rows: texts } = await client.query<{ id: string; salt: Buffer; text: string }>('select * from private_texts');
  t.same(texts.map(({ text }) => text).toSorted(), ['192.0.2.7', '203.0.113.9', 'ann', 'anna']);
  for (const { id, salt, text } of texts) t.equal(id, privateIdOf(salt, text));
  t.strictSame(after[0], before[0], 'a change names managers, and is as it was');
  const stored = JSON.stringify(after.slice(1));
  t.notMatch(stored, /192\.0\.2\.7|203\.0\.113\.9|anna/);
  t.equal(stored.match(/ann/g)?.length, 2, 'reasons that people wrote are kept as they are');
  const byId = new Map(texts.map(({ id, text }) => [id, text]));
  t.strictSame(JSON.parse(replacePrivateIds(JSON.stringify(after), (id) => byId.get(id) ?? erasedName(id))), before);

  t.same(await logDifferences(client), []);

  const { rows: versions } = await client.query('select actor from snapshots order by version');
  t.strictSame(versions, [{ actor: 'ann' }, { actor: texts.find(({ text }) => text === 'ann')?.id }]);
});

void t.test('a long history is entered into the log', async (t) => {
  const { url, client } = await openBefore(t, '0009');
  const count = 66_000;
  await client.query(
    `insert into events
     select n, n, 'id-' || n, 'applied', 'eu', 'HTTPRoute', 'shop', 'r' || n % 7, 'u', nullif('kubectl', 'r'), null,
            timestamptz '2026-01-01' + n * interval '1 second',
            timestamptz '2026-01-01' + n * interval '1.234567 seconds', '{"n":' || n || '}'
       from generate_series(1, $1::int) n`,
    [count],
  );
  const said: Row[] = [];
  await migrate(url, { info: (fields) => said.push(fields) });
  t.match(said[0], { events: count, of: count });
  t.same(await logDifferences(client), []);
  const { rows } = await client.query('select level, count(*)::int as tiles from log_tiles group by 1 order by 1');
  t.same(rows, [
    { level: 0, tiles: 257 },
    { level: 1, tiles: 1 },
  ]);
  for (const change of [
    'update events set data = data',
    'delete from events',
    'truncate events',
    'delete from log_tiles',
  ])
    await t.rejects(client.query(change), { code: '42501', message: /keeps what was written/ }, change);
});
