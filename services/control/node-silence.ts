// Says in SQL since when a node must have been heard of to count as alive.
import { sql } from 'kysely';
import { silentAfterMs } from '#libs/protocol/silence.ts';

/** The time by the database's clock; a node whose `last_seen` is not after it is silent. */
export const silentSince = sql<Date>`now() - make_interval(secs => ${sql.lit(silentAfterMs / 1000)})`;
