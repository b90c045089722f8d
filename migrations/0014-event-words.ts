// Finds events of rare words in a long history: all words of an event stand in one inverted index, so that any filters
// together read about as much as the rarest of them. The index of objects has what is asked of the events of one.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index event_index_words on event_index
    using gin ((array[cluster, kind, namespace, name, type, manager]))
    with (gin_pending_list_limit = 512)`.execute(db);
  await sql`drop index event_index_object`.execute(db);
  await sql`create index event_index_object on event_index (object, seq) include (type, manager)`.execute(db);
}
