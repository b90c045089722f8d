// Writes a schema as text from the catalog: the same for every supported Postgres, sorted, without pg_dump. People
// read it, and a test compares it.

/** Answers the queries of `dumpSchema`. */
interface CatalogClient {
  query(text: string): Promise<{ readonly rows: readonly unknown[] }>;
}

const columnsQuery = `
  select c.relname as table, a.attname as name, format_type(a.atttypid, a.atttypmod) as type,
         a.attnotnull as required, pg_get_expr(d.adbin, d.adrelid) as default
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
   where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname not like 'kysely\\_%'
   order by c.relname collate "C", a.attnum`;

// Postgres 18 lists NOT NULL as constraints (contype n); the columns say it already.
const constraintsQuery = `
  select c.relname as table, k.conname as name, pg_get_constraintdef(k.oid) as definition
    from pg_constraint k join pg_class c on c.oid = k.conrelid
   where c.relnamespace = 'public'::regnamespace and c.relname not like 'kysely\\_%' and k.contype <> 'n'
   order by c.relname collate "C", k.conname collate "C"`;

const indexesQuery = `
  select c.relname as table, pg_get_indexdef(i.indexrelid) as definition
    from pg_index i join pg_class c on c.oid = i.indrelid
   where c.relnamespace = 'public'::regnamespace and c.relname not like 'kysely\\_%'
     and not exists (select 1 from pg_constraint k where k.conindid = i.indexrelid)
   order by c.relname collate "C", pg_get_indexdef(i.indexrelid) collate "C"`;

const triggersQuery = `
  select c.relname as table, pg_get_triggerdef(g.oid) as definition
    from pg_trigger g join pg_class c on c.oid = g.tgrelid
   where c.relnamespace = 'public'::regnamespace and not g.tgisinternal
   order by c.relname collate "C", g.tgname collate "C"`;

const functionsQuery = `
  select pg_get_functiondef(p.oid) as definition from pg_proc p
   where p.pronamespace = 'public'::regnamespace order by p.proname collate "C"`;

const firstLine =
  '-- The schema after every migration. Written by the test beside it: ' +
  'UPDATE_GOLDEN=1 npx tap migrations/schema.pg.test.ts';

/**
 * Writes the public schema as SQL text: one statement per table with its constraints, then its indexes and triggers;
 * functions come last.
 */
export async function dumpSchema(client: CatalogClient): Promise<string> {
  const tables = new Map<string, { lines: string[]; indexes: string[] }>();
  const tableOf = (name: string) => {
    const table = tables.get(name) ?? { lines: [], indexes: [] };
    tables.set(name, table);
    return table;
  };
  for (const row of (await client.query(columnsQuery)).rows) {
    const column = parseRow(row);
    const required = column['required'] === 'true' ? ' not null' : '';
    const preset = column['default'] ? ` default ${column['default']}` : '';
    tableOf(column['table'] ?? '').lines.push(`  ${column['name']} ${column['type']}${required}${preset}`);
  }
  for (const row of (await client.query(constraintsQuery)).rows) {
    const constraint = parseRow(row);
    tableOf(constraint['table'] ?? '').lines.push(`  constraint ${constraint['name']} ${constraint['definition']}`);
  }
  for (const row of (await client.query(indexesQuery)).rows) {
    const index = parseRow(row);
    tableOf(index['table'] ?? '').indexes.push(`${index['definition']};`);
  }
  for (const row of (await client.query(triggersQuery)).rows) {
    const trigger = parseRow(row);
    tableOf(trigger['table'] ?? '').indexes.push(`${trigger['definition']};`);
  }
  const { rows: functions } = await client.query(functionsQuery);
  const statements = [...tables].map(([name, { lines, indexes }]) =>
    [`create table ${name} (\n${lines.join(',\n')}\n);`, ...indexes].join('\n'),
  );
  statements.push(...functions.map((row) => `${(parseRow(row)['definition'] ?? '').trimEnd()};`));
  return `${firstLine}\n\n${statements.join('\n\n')}\n`;
}

function parseRow(row: unknown): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (const [name, value] of Object.entries<unknown>(Object(row)))
    if (typeof value === 'string' || typeof value === 'boolean') fields[name] = `${value}`;
  return fields;
}
