// Reads what people requested, and what became of it: from the requested events of the history and the decisions after
// them.
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import type { approval } from '#libs/api/models/approval.ts';
import type { DecisionEvent, RequestedEvent } from '#libs/events/operator-event.ts';
import { parseOperatorEvent } from '#libs/events/parse-operator-event.ts';
import { parsePlaceKey } from '#libs/gateway/object-key.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';

type Approval = z.input<typeof approval>;

interface RequestRow {
  readonly seq: string;
  readonly recorded_at: Date;
  readonly data: string;
}

interface DecisionRow extends RequestRow {
  readonly request: string;
}

/** A decision that counts, with when it was taken. */
interface Taken {
  readonly event: DecisionEvent;
  readonly at: Date;
}

/** Bounds the decisions that are read of one request; most have one, and a few refusals. */
const decisionsMax = 100;

/** Reads requests below a sequence number, newest first; one more than the limit when there is more. */
export async function readApprovals(
  db: Kysely<Database>,
  { after, gateway, limit }: { readonly after?: string; readonly gateway?: string; readonly limit: number },
): Promise<readonly Approval[]> {
  const place = gateway === undefined ? undefined : parsePlaceKey(gateway);
  const below = after === undefined ? sql`` : sql`and e.seq < ${after}`;
  const ofGateway =
    place === undefined
      ? sql``
      : sql`and e.cluster = ${place.cluster} and e.namespace = ${place.namespace} and e.name = ${place.name}`;
  const { rows } = await sql<RequestRow>`
    select e.seq, e.recorded_at, e.data from events e
     where e.type = 'requested'
       ${below} ${ofGateway}
     order by e.seq desc limit ${limit + 1}`.execute(db);
  return toApprovals(db, rows);
}

/** Reads one request by the id of its command; undefined = nothing was requested under it. */
export async function readApproval(db: Kysely<Database>, id: string): Promise<Approval | undefined> {
  const { rows } = await sql<RequestRow>`
    select e.seq, e.recorded_at, e.data from events e where e.id = ${id} and e.type = 'requested'`.execute(db);
  return (await toApprovals(db, rows))[0];
}

/** Gives the id of the decision that carried a request out; undefined = none did. */
export async function readApprovingId(db: Kysely<Database>, request: string): Promise<string | undefined> {
  const { rows } = await sql<RequestRow>`
    select e.seq, e.recorded_at, e.data from events e where e.id = ${request} and e.type = 'requested'`.execute(db);
  for (const { event } of (await readDecisions(db, rows)).values()) if (event.type === 'approved') return event.id;
  return undefined;
}

async function toApprovals(db: Kysely<Database>, rows: readonly RequestRow[]): Promise<readonly Approval[]> {
  const decisions = await readDecisions(db, rows);
  const now = Date.now();
  return rows.flatMap((row) => {
    const event = parseRequest(row);
    return event === undefined ? [] : [toApproval(row, event, decisions.get(row.seq), now)];
  });
}

function toApproval(
  { seq, recorded_at }: RequestRow,
  { id, gateway, command, seen, actor, reason, ticket, expiresAt }: RequestedEvent,
  decision: Taken | undefined,
  now: number,
): Approval {
  const undecided = now < Date.parse(expiresAt) ? 'waiting' : 'expired';
  return {
    id,
    gateway,
    command: command.type,
    to: command.type === 'rollback' ? command.to : null,
    serving: seen.serving,
    state: decision?.event.type ?? undecided,
    requestedBy: actor.name,
    reason: reason ?? null,
    ticket: ticket ?? null,
    recordedAt: recorded_at.toISOString(),
    until: new Date(expiresAt).toISOString(),
    seq,
    decidedBy: decision?.event.actor.name ?? null,
    decidedAt: decision?.at.toISOString() ?? null,
    decisionReason: decision?.event.reason ?? null,
  };
}

/** Finds the decision that counts for each request, by the request's sequence number. */
async function readDecisions(db: Kysely<Database>, rows: readonly RequestRow[]): Promise<ReadonlyMap<string, Taken>> {
  const requests = rows.flatMap((row) => {
    const event = parseRequest(row);
    return event === undefined ? [] : [{ seq: row.seq, id: event.id, ...parsePlaceKey(event.gateway) }];
  });
  if (requests.length === 0) return new Map();
  const column = (name: 'seq' | 'cluster' | 'namespace' | 'name') => requests.map((one) => one[name]);
  const found = await sql<DecisionRow>`
    select r.seq as request, d.seq, d.recorded_at, d.data
      from unnest(${column('seq')}::bigint[], ${column('cluster')}::text[], ${column('namespace')}::text[],
                  ${column('name')}::text[]) as r(seq, cluster, namespace, name),
           lateral (select e.seq, e.recorded_at, e.data from events e
                     where e.cluster = r.cluster and e.kind = 'Gateway' and e.namespace = r.namespace
                       and e.name = r.name and e.seq > r.seq and e.type in ('approved', 'rejected')
                     order by e.seq limit ${sql.lit(decisionsMax)}) d
     order by d.seq`.execute(db);
  const ids = new Map(requests.map(({ seq, id }) => [seq, id]));
  const decisions = new Map<string, Taken>();
  for (const { request, data, recorded_at } of found.rows) {
    const event = parse(data);
    if (event?.type !== 'approved' && event?.type !== 'rejected') continue;
    if (event.request !== ids.get(request) || event.outcome?.result !== 'done' || decisions.has(request)) continue;
    decisions.set(request, { event, at: recorded_at });
  }
  return decisions;
}

function parseRequest({ data }: RequestRow): RequestedEvent | undefined {
  const event = parse(data);
  return event?.type === 'requested' ? event : undefined;
}

function parse(data: string) {
  const parsed = parseOperatorEvent(JSON.parse(data));
  return parsed.ok ? parsed.value : undefined;
}
