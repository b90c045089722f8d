// Reads the rows of events in their order and gives the leaf of each, page by page; the next page is fetched while one
// is worked on.
import type { ClientBase, CustomTypesConfig, QueryArrayConfig } from 'pg';
import { leafOfEvent } from '#libs/events/event-leaf.ts';

/** Is a row, and what it is in the log. */
interface LoggedRow {
  readonly seq: number;
  /** The text whose hash is the leaf. */
  readonly leaf: string;
}

const pageRows = 2000;
/** Everything comes as Postgres writes it. */
const asText: CustomTypesConfig = { getTypeParser: () => (value: unknown) => value };
type Row = readonly [
  seq: string,
  batch: string,
  id: string,
  type: string,
  cluster: string,
  kind: string,
  namespace: string,
  name: string,
  uid: string,
  manager: string | null,
  operation: string | null,
  at: string,
  recordedAt: string,
  data: string,
];

/** Begins a look at one moment of the database, whatever is written meanwhile; `rollback` ends it. */
export async function beginReading(client: ClientBase): Promise<void> {
  await client.query('begin transaction isolation level repeatable read read only');
  await client.query(`set local timezone to 'UTC'`);
  await client.query(`set local datestyle to 'ISO'`);
}

/** Reads the events from that number on. The client must have begun reading. */
export async function* readLeaves(client: ClientBase, fromSeq: number): AsyncGenerator<readonly LoggedRow[]> {
  await client.query(
    `declare logged_events no scroll cursor for
      select seq, batch, id, type, cluster, kind, namespace, name, uid, manager, operation, at, recorded_at, data
        from events where seq >= $1 order by seq`,
    [fromSeq],
  );
  const page: QueryArrayConfig = { text: `fetch ${pageRows} from logged_events`, rowMode: 'array', types: asText };
  const fetchPage = async (): Promise<readonly Row[]> => (await client.query<Row>(page)).rows;
  let next = fetchPage();
  for (;;) {
    const rows = await next;
    if (rows.length === 0) break;
    next = fetchPage();
    yield rows.map(toLogged);
  }
  await client.query('close logged_events');
}

function toLogged(row: Row): LoggedRow {
  const [seq, batch, id, type, cluster, kind, namespace, name, uid, manager, operation, at, recordedAt, data] = row;
  const event = { seq, batch, id, type, cluster, kind, namespace, name, uid, manager, operation, data };
  return { seq: Number(seq), leaf: leafOfEvent({ ...event, at: toRfc3339(at), recordedAt: toRfc3339(recordedAt) }) };
}

/** Writes Postgres' text of a time in UTC as leaves have it: with milliseconds, or microseconds where it has some. */
function toRfc3339(text: string): string {
  const fraction = text.slice(20, -3);
  return `${text.slice(0, 10)}T${text.slice(11, 19)}.${fraction.padEnd(fraction.length > 3 ? 6 : 3, '0')}Z`;
}
