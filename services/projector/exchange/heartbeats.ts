// Keeps the newest heartbeat of each agent, and writes them to the table `agents` together, every few seconds.
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import type { Heartbeat } from '#libs/events/agent-exchange.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { jsonbText } from '#libs/runtime/postgres/jsonb-text.ts';

const problemsMax = 100;
const text = z.string().transform((value) => value.replaceAll('\0', '').slice(0, 1000));

const heartbeat = z.object({
  cluster: z.string().max(63),
  clusterUid: z.string().min(1).max(1024),
  version: text,
  source: z.enum(['kubernetes', 'folder']),
  synced: z.boolean(),
  objects: z
    .int()
    .min(0)
    .max(2 ** 31 - 1),
  problems: z.array(text).transform((problems) => problems.slice(0, problemsMax)),
});

/** Reads a heartbeat from a message; undefined = it is none. */
export function parseHeartbeat(json: unknown): Heartbeat | undefined {
  return heartbeat.safeParse(json).data;
}

/** Writes the heartbeats; `last_seen` is the database's clock, by which readers compute ages. */
export async function writeHeartbeats(db: Kysely<Database>, beats: readonly Heartbeat[]): Promise<void> {
  if (beats.length === 0) return;
  const rows = beats.map(({ cluster, version, source, synced, objects, problems }) => ({
    cluster,
    version,
    source,
    synced,
    objects,
    problems: jsonbText(problems),
    last_seen: sql<Date>`clock_timestamp()`,
  }));
  await db
    .insertInto('agents')
    .values(rows)
    .onConflict((conflict) =>
      conflict.column('cluster').doUpdateSet((row) => ({
        version: row.ref('excluded.version'),
        source: row.ref('excluded.source'),
        synced: row.ref('excluded.synced'),
        objects: row.ref('excluded.objects'),
        problems: row.ref('excluded.problems'),
        last_seen: row.ref('excluded.last_seen'),
      })),
    )
    .execute();
}
