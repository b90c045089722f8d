// Reads a query's rows in pages, inside a transaction of the caller, so that no result is held whole.
import type { ClientBase, QueryResultRow } from 'pg';

const pageRows = 2000;
let cursors = 0;

/** Reads the rows of a query, page by page. The client must be in a transaction. */
export async function* pagesOf<Row extends QueryResultRow>(
  client: ClientBase,
  query: string,
  values: unknown[] = [],
): AsyncGenerator<readonly Row[]> {
  cursors += 1;
  const name = `cursor_${cursors}`;
  await client.query(`declare ${name} no scroll cursor for ${query}`, values);
  for (;;) {
    const { rows } = await client.query<Row>(`fetch ${pageRows} from ${name}`);
    if (rows.length > 0) yield rows;
    if (rows.length < pageRows) break;
  }
  await client.query(`close ${name}`);
}
