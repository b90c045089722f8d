// Reads what a command is about: where its gateway stands, what a rollback goes back to, and what became of a command.
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import { type OperatorOutcome, operatorTypes } from '#libs/events/operator-event.ts';
import { type CommandType, commandTypes } from '#libs/gateway/command-types.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';

/** Says where a gateway stands. */
interface GatewayStanding {
  readonly head: number;
  readonly serving: number;
  readonly pinned: boolean;
  readonly alarm: string | null;
}

/** Names a version with the digest of its content. */
interface VersionIdentity {
  readonly version: number;
  readonly digest: string;
}

/** Says what the history holds of a command. */
interface RecordedCommand {
  readonly type: string;
  readonly gateway: string;
  readonly seq: string;
  readonly recordedAt: Date;
  /** The version that it made; null = none. */
  readonly version: number | null;
  /** The version that served right after it. */
  readonly serving: number;
  readonly to: number | null;
  /** Of what was requested, approved or rejected: what that is. */
  readonly command: CommandType | null;
  /** Of a request: until when it waits. */
  readonly until: string | null;
  readonly outcome: z.output<typeof storedOutcome>;
}

// Commands from before outcomes were kept were all done.
const storedOutcome = z
  .union([
    z.object({ result: z.literal('done'), replaced: z.int().optional() }),
    z.object({ result: z.enum(['refused', 'expired']), code: z.string(), message: z.string() }),
  ])
  .default({ result: 'done' });
const storedCommand = z.object({
  to: z.int().nullish(),
  outcome: storedOutcome,
  expiresAt: z.string().optional(),
  command: z.object({ type: z.enum(commandTypes), to: z.int().nullish() }).optional(),
});

/** Gives where a gateway stands; undefined = there is no such gateway. */
export function readStanding(db: Kysely<Database>, gateway: string): Promise<GatewayStanding | undefined> {
  const columns = ['head', 'serving', 'pinned', 'alarm'] as const;
  return db.selectFrom('gateways').select(columns).where('gateway', '=', gateway).executeTakeFirst();
}

/**
 * Gives the version that a rollback goes back to: the wanted one, else the highest below the one that serves whose
 * content is another; undefined = there is none.
 */
export async function readTarget(
  db: Kysely<Database>,
  gateway: string,
  serving: number,
  wanted: number | null,
): Promise<VersionIdentity | undefined> {
  const { rows } = await sql<VersionIdentity>`
    select s.version, s.digest from snapshots s
     where s.gateway = ${gateway} and case when ${wanted}::int is null
       then s.version < ${serving} and s.digest is distinct from (
         select n.digest from snapshots n where n.gateway = ${gateway} and n.version = ${serving})
       else s.version = ${wanted}::int end
     order by s.version desc limit 1`.execute(db);
  return rows[0];
}

/** Gives what became of a command; undefined = the history does not hold it. */
export async function readRecorded(db: Kysely<Database>, id: string): Promise<RecordedCommand | undefined> {
  const { rows } = await sql<Omit<RecordedCommand, 'to' | 'outcome' | 'command' | 'until'> & { readonly data: string }>`
    select e.type, e.cluster || '/' || e.namespace || '/' || e.name as gateway, e.seq, e.recorded_at as "recordedAt",
           e.data,
           (select max(s.version) from snapshots s
             where s.gateway = e.cluster || '/' || e.namespace || '/' || e.name and s.seq = e.batch) as version,
           (select coalesce(max(s.version), 0) from snapshots s
             where s.gateway = e.cluster || '/' || e.namespace || '/' || e.name and s.seq <= e.batch) as serving
      from events e where e.id = ${id} and e.type = any(${operatorTypes})`.execute(db);
  const [row] = rows;
  if (row === undefined) return undefined;
  const { data, ...rest } = row;
  const { to, outcome, command, expiresAt } = storedCommand.parse(JSON.parse(data));
  const until = rest.type === 'requested' ? (expiresAt ?? null) : null;
  return { ...rest, to: to ?? command?.to ?? null, command: command?.type ?? null, outcome, until };
}

/** Gives the outcome as the projector would have told it. */
export function toOutcome(id: string, recorded: RecordedCommand): OperatorOutcome {
  const { gateway, seq, serving, to, outcome, until } = recorded;
  if (outcome.result !== 'done') return { id, ok: false, code: outcome.code, message: outcome.message };
  if (until !== null) {
    const message = `it is not carried out yet: another person must confirm it until ${until}`;
    return { id, ok: false, code: 'requested', message, until };
  }
  const replaced = outcome.replaced === undefined ? {} : { replaced: outcome.replaced };
  return { id, ok: true, gateway, version: serving, seq, ...replaced, ...(to === null ? {} : { to }) };
}
