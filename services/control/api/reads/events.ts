// Reads the history as it was appended, and what each event changed.
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import { parseJson } from '#libs/gateway/fields/parse-json.ts';
import { operatorTypes } from '#libs/events/operator-event.ts';
import { isDeedType, outcomeOfDeed } from '#libs/events/deed-event.ts';
import { factTypes } from '#libs/events/change-fact.ts';
import type { endpoints } from '#libs/api/endpoints.ts';
import type { historyEvent, objectEvent } from '#libs/api/models/history.ts';
import { gatewayKinds } from '#libs/gateway/kinds.ts';
import type { ObjectName } from '#libs/gateway/object-key.ts';
import type { Database, Row } from '#libs/runtime/postgres/database.ts';
import { type FactsOfEvent, factColumns, namesOfRow, toAttribution } from './attribution.ts';
import { all } from './conditions.ts';
import { type EventSearch, findEvents } from './event-search.ts';
import { diffFields } from './field-diff.ts';

type EventFilter = z.output<typeof endpoints.listEvents.input>['query'];

export type EventRow = Omit<Row<'events'>, 'batch' | 'leaf'> & FactsOfEvent;

/** `previous` is the data of the event of the same object before this one. */
type ObjectEventRow = EventRow & { readonly previous: string | null };

const columns = sql`e.seq, e.id, e.type, e.cluster, e.kind, e.namespace, e.name, e.uid, e.manager, e.operation,
  e.at, e.recorded_at, e.data, ${factColumns}`;
const previous = sql`(
  select p.data from events p
   where p.cluster = e.cluster and p.kind = e.kind and p.namespace = e.namespace and p.name = e.name
     and p.seq < e.seq and p.type in ('applied', 'deleted')
   order by p.seq desc limit 1)`;
/** More than that is not read for one page, but for a single event. */
const pageBytesMax = 8 * 1024 * 1024;
/** An event of one transaction is at most as far from its last. */
const batchSpanMax = 5000;

const eventData = z.object({
  object: z
    .looseObject({ metadata: z.looseObject({ generation: z.int().optional().catch(undefined) }).optional() })
    .nullish()
    .catch(null),
  to: z.int().nullish().catch(null),
  reason: z.string().nullish().catch(null),
  ticket: z.string().nullish().catch(null),
  why: z.string().nullish().catch(null),
  breakGlass: z.boolean().optional().catch(undefined),
  request: z.string().nullish().catch(null),
  command: z
    .object({
      type: z.string(),
      to: z.int().nullish(),
      actor: z.object({ name: z.string() }),
      breakGlass: z.boolean().optional(),
    })
    .optional()
    .catch(undefined),
  from: z.string().nullish().catch(null),
  outcome: z
    .union([
      z.enum(['success', 'failure', 'denied']),
      z.object({
        result: z.enum(['done', 'refused', 'expired']),
        replaced: z.int().nullable().default(null),
        message: z.string().nullable().default(null),
      }),
    ])
    .optional()
    .catch(undefined),
});
const decidedTypes: ReadonlySet<string> = new Set(operatorTypes);
const noNames = { users: [], tools: [] } as const;
const noOutcome = { result: 'done', replaced: null, message: null } as const;
const deedResults = { success: 'done', failure: 'failed', denied: 'denied' } as const;

/** Reads the events of one object below a sequence number, newest first; one more than the limit when there is more. */
export async function readObjectEvents(
  db: Kysely<Database>,
  { cluster, kind, namespace, name }: ObjectName,
  before: string | undefined,
  limit: number,
): Promise<readonly ObjectEventRow[]> {
  const { rows } = await sql<ObjectEventRow>`
    select ${columns}, ${previous} as previous
      from events e
     where ${all([
       sql`e.cluster = ${cluster} and e.kind = ${kind} and e.namespace = ${namespace} and e.name = ${name}`,
       sql`e.type <> all(${factTypes}::text[])`,
       before && sql`e.seq < ${before}`,
     ])}
     order by e.seq desc limit ${limit + 1}`.execute(db);
  return rows;
}

/**
 * Reads events by what they are about, in the order that was asked for, with the cursor of the next page; null = there
 * is none. A page of large events has fewer of them.
 */
export async function readEvents(
  db: Kysely<Database>,
  search: EventSearch,
  cut: Pick<EventFilter, 'after' | 'order' | 'limit'>,
  bodies: 'with bodies' | 'without bodies',
): Promise<{ readonly rows: readonly ObjectEventRow[]; readonly next: string | null }> {
  const found = await findEvents(db, search, { ...cut, limit: cut.limit + 1 });
  const seqs = found.slice(0, cut.limit);
  const direction = cut.order === 'asc' ? sql`asc` : sql`desc`;
  const { rows } = await sql<ObjectEventRow>`
    select ${columns}, ${bodies === 'with bodies' ? previous : sql`null`} as previous
      from (select e.*, sum(octet_length(e.data)) over (order by e.seq ${direction}) - octet_length(e.data) as bytes
              from events e where e.seq = any(${seqs}::bigint[])) e
     where e.bytes < ${pageBytesMax}
     order by e.seq ${direction}`.execute(db);
  const next = found.length > cut.limit || rows.length < seqs.length ? (rows.at(-1)?.seq ?? null) : null;
  return { rows: rows.filter((row) => isMeant(row, search)), next };
}

/** Reads events by their sequence numbers, in no order. */
export async function readEventsBySeq(db: Kysely<Database>, seqs: readonly string[]): Promise<readonly EventRow[]> {
  const { rows } = await sql<EventRow>`
    select ${columns} from events e where e.seq = any(${seqs}::bigint[])`.execute(db);
  return rows;
}

/** Reads events by their sequence numbers in the order of the history, with what was before each. */
export async function readEventsWithPrevious(
  db: Kysely<Database>,
  seqs: readonly string[],
): Promise<readonly ObjectEventRow[]> {
  const { rows } = await sql<ObjectEventRow>`
    select ${columns}, ${previous} as previous
      from events e where e.seq = any(${seqs}::bigint[]) order by e.seq`.execute(db);
  return rows;
}

/** Looks again at the words of an event, because words that are unlike may have equal codes. */
function isMeant(row: EventRow, search: EventSearch): boolean {
  const { managers, by, tool } = search;
  const { users, tools } = by === undefined && tool === undefined ? noNames : namesOfRow(row);
  return (
    (['cluster', 'kind', 'namespace', 'name', 'type'] as const).every(
      (column) => search[column] === undefined || search[column] === row[column],
    ) &&
    (managers === undefined || (row.manager !== null && managers.includes(row.manager))) &&
    (by === undefined || by.some((name) => name === row.manager || users.includes(name))) &&
    (tool === undefined || tools.includes(tool))
  );
}

/**
 * Reads the events that were folded together with each version: those of objects that it touched, or all where none is;
 * at most 50 for each version.
 */
export async function readCauses(
  db: Kysely<Database>,
  gateway: string,
  versions: readonly { readonly version: number; readonly seq: string }[],
): Promise<ReadonlyMap<number, readonly EventRow[]>> {
  if (versions.length === 0) return new Map();
  const numbers = versions.map(({ version }) => version);
  const seqs = versions.map(({ seq }) => seq);
  const { rows } = await sql<EventRow & { readonly version: number; readonly touched: boolean }>`
    select v.version, e.*,
           e.kind = any(${gatewayKinds}::text[])
             and e.cluster || '/' || e.namespace || '/' || e.name = ${gateway}
           or exists (
             select 1 from snapshot_changes c
              where c.gateway = ${gateway} and c.version = v.version
                and (starts_with(c.key, 'rule/' || e.kind || '/' || e.namespace || '/' || e.name || '/')
                     or e.kind = 'Service' and starts_with(
                          c.key, 'backend/' || e.cluster || '/' || e.namespace || '/' || e.name || '/'))
           ) as touched
      from unnest(${numbers}::int[], ${seqs}::bigint[]) as v(version, seq),
           lateral (select ${columns} from events e
                     where e.batch = v.seq and e.seq <= v.seq and e.seq > v.seq - ${sql.lit(batchSpanMax)}
                       and e.type <> all(${factTypes}::text[])
                     order by e.seq desc limit 50) e`.execute(db);
  return new Map(
    versions.map(({ version }) => {
      const events = rows.filter((row) => row.version === version);
      const touched = events.filter((row) => row.touched);
      return [version, touched.length > 0 ? touched : events];
    }),
  );
}

/** Makes of a row what the API shows, with what the event changed. */
export function toObjectEvent(row: ObjectEventRow): z.input<typeof objectEvent> {
  if (row.type !== 'applied' && row.type !== 'deleted') return { ...toEvent(row), changes: [], truncated: false };
  return { ...toEvent(row), ...diffFields(objectOf(row.previous), objectOf(row.data)) };
}

/** Makes of a row what the API shows, with the object before and after. */
export function toEventWithBodies(row: ObjectEventRow): z.input<typeof historyEvent> {
  if (row.type !== 'applied' && row.type !== 'deleted')
    return { ...toEvent(row), bodies: { before: null, after: null } };
  return { ...toEvent(row), bodies: { before: bodyIn(row.previous), after: bodyIn(row.data) } };
}

function bodyIn(json: string | null): Readonly<Record<string, unknown>> | null {
  return eventData.safeParse(parseJson(json)).data?.object ?? null;
}

/** Makes of a row what the API shows. */
export function toEvent(row: EventRow): z.input<typeof historyEvent> {
  const data = eventData.safeParse(parseJson(row.data)).data;
  return {
    seq: row.seq,
    id: row.id,
    type: row.type,
    cluster: row.cluster,
    kind: row.kind,
    namespace: row.namespace,
    name: row.name,
    uid: row.uid,
    at: row.at.toISOString(),
    recordedAt: row.recorded_at.toISOString(),
    changedBy: row.manager === null ? null : { manager: row.manager, operation: row.operation ?? '' },
    generation: data?.object?.metadata?.generation ?? null,
    to: data?.to ?? data?.command?.to ?? null,
    reason: reasonOf(data),
    ticket: data?.ticket ?? null,
    confirmation: confirmationOf(row, data),
    from: data?.from ?? null,
    outcome: outcomeOf(row, data?.outcome),
    ...toAttribution(row),
  };
}

/** Says why, as it was written; of a deed what was done, and why where somebody said. */
function reasonOf(data: z.output<typeof eventData> | undefined): string | null {
  const { reason = null, why = null } = data ?? {};
  return reason === null || why === null ? (reason ?? why) : `${reason}: ${why}`;
}

/** Says what an event has to do with the confirmation of a command; null = nothing. */
function confirmationOf(
  { type }: EventRow,
  data: z.output<typeof eventData> | undefined,
): z.input<typeof historyEvent>['confirmation'] {
  const bypassed = data?.breakGlass ?? false;
  if (bypassed) return { command: type, request: null, requestedBy: null, bypassed };
  const { command, request = null } = data ?? {};
  if (command === undefined || !decidedTypes.has(type)) return null;
  return { command: command.type, request, requestedBy: request === null ? null : command.actor.name, bypassed };
}

/** Says what came of a command or a deed; null of what is no deed of anybody here. */
function outcomeOf(
  { type }: EventRow,
  stored: z.output<typeof eventData>['outcome'],
): z.input<typeof historyEvent>['outcome'] {
  if (typeof stored === 'object') return stored;
  if (isDeedType(type)) return { ...noOutcome, result: deedResults[outcomeOfDeed({ type, outcome: stored })] };
  return decidedTypes.has(type) ? noOutcome : null;
}

/** Gives the object of an event without what changes on each write; {} where there is none. */
export function objectOf(json: string | null): Readonly<Record<string, unknown>> {
  const object = eventData.safeParse(parseJson(json)).data?.object;
  if (object === null || object === undefined) return {};
  const { resourceVersion: _, generation: __, ...metadata } = { ...object.metadata };
  return { ...object, metadata };
}
