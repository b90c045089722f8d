// Draws changes at random: those whose number has the smallest hashes with the seed. So a sample can be drawn again, by
// anybody, and nobody can choose what is in it but by the seed.
import { type Kysely, sql } from 'kysely';
import type { Database } from '#libs/runtime/postgres/database.ts';

interface SampleWish {
  readonly since?: string | undefined;
  readonly until?: string | undefined;
  readonly types: readonly string[];
  readonly size: number;
  readonly seed: string;
}

/** Gives the sequence numbers of the sample, in the order of the history. */
export async function drawSample(
  db: Kysely<Database>,
  { since, until, types, size, seed }: SampleWish,
): Promise<readonly string[]> {
  const { rows } = await sql<{ seq: string }>`
    select e.seq from (
      select i.seq, sha256(convert_to(${seed}::text || '/' || i.seq, 'UTF8')) as lot from event_index i
       where i.type = any(array(select word_code(t) from unnest(${[...types]}::text[]) t))
         and (${since ?? null}::timestamptz is null or i.recorded_at >= ${since ?? null})
         and (${until ?? null}::timestamptz is null or i.recorded_at < ${until ?? null})
       order by lot limit ${size}) e
     order by e.seq`.execute(db);
  return rows.map(({ seq }) => seq);
}
