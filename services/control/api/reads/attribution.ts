// Reads beside each event what was told of it later: who asked for the change, and what a tool claims of it.
import { type Kysely, sql } from 'kysely';
import type { z } from 'zod';
import { parseJson } from '#libs/gateway/fields/parse-json.ts';
import type { certainty, changeRequest, toolClaim } from '#libs/api/models/attribution.ts';
import { roles } from '#libs/api/role.ts';
import type { AttributedRequest, AttributionEvent } from '#libs/events/attribution-event.ts';
import { toolOf } from '#libs/events/change-fact.ts';
import { parseAttributionEvent } from '#libs/events/parse-attribution-event.ts';
import { parseTraceEvent } from '#libs/events/parse-trace-event.ts';
import type { TraceEvent } from '#libs/events/trace-event.ts';
import type { Database, Row } from '#libs/runtime/postgres/database.ts';

/** What `factColumns` reads beside an event `e`: JSON of the facts of a change; null where there are none. */
export interface FactsOfEvent {
  readonly attributed: string | null;
  readonly traced: string | null;
}

/** What is shown of who did something. */
interface Attribution {
  readonly certainty: z.input<typeof certainty>;
  readonly requests: z.input<typeof changeRequest>[];
  readonly claim: z.input<typeof toolClaim> | null;
}

/** An object that came back unchanged has the id of its first coming and its number: what is told of one is of both. */
const changeId = sql`left(e.id, length(e.id) - case when e.id like '%#' || e.seq then length('#' || e.seq) else 0 end)`;

/** Reads the surest attribution of a change and the newest claim, each by an index. */
export const factColumns = sql`${newestFact('attributed')} as attributed, ${newestFact('traced')} as traced`;

function newestFact(type: string) {
  return sql`case when e.type in ('applied', 'deleted') then (
    select fact.data from event_facts f join events fact on fact.seq = f.seq
     where f.change_id = ${changeId} and f.type = ${sql.lit(type)}
     order by f.rank desc, f.seq desc limit 1) end`;
}

/** Reads the facts of some events by their sequence numbers. */
export async function readFacts(
  db: Kysely<Database>,
  seqs: readonly string[],
): Promise<ReadonlyMap<string, FactsOfEvent>> {
  const { rows } = await sql<FactsOfEvent & { readonly seq: string }>`
    select e.seq, ${factColumns} from events e where e.seq = any(${seqs}::bigint[])`.execute(db);
  return new Map(rows.map((row) => [row.seq, row]));
}

/** What stands for the facts of an event that has none. */
export const noFacts: FactsOfEvent = { attributed: null, traced: null };

/** Says who did something, and how far that is known. */
export function toAttribution(
  row: FactsOfEvent & Pick<Row<'events'>, 'type' | 'manager' | 'operation' | 'data'>,
): Attribution {
  const attributed = readAttribution(row.type === 'attributed' ? { ...row, attributed: row.data } : row);
  const claim = readClaim(row.type === 'traced' ? { ...row, traced: row.data } : row);
  return {
    certainty: certaintyOf(row, attributed),
    requests: attributed?.requests.map(toRequest) ?? [],
    claim: claim === undefined ? null : toClaim(claim),
  };
}

/** Gives the names by which an event is found beside its manager's: of users, and of tools. */
export function namesOfRow(row: FactsOfEvent): {
  readonly users: readonly string[];
  readonly tools: readonly string[];
} {
  const requests = readAttribution(row)?.requests ?? [];
  const claim = readClaim(row);
  return {
    users: requests.flatMap(({ user, impersonatedUser }) =>
      [user, impersonatedUser ?? user].map((one) => one.username),
    ),
    tools: [...requests.map(({ userAgent }) => toolOf(userAgent)), ...(claim === undefined ? [] : [claim.tool])],
  };
}

function readAttribution({ attributed }: FactsOfEvent): AttributionEvent | undefined {
  const parsed = attributed === null ? undefined : parseAttributionEvent(parseJson(attributed));
  return parsed?.ok === true ? parsed.value : undefined;
}

function readClaim({ traced }: FactsOfEvent): TraceEvent | undefined {
  const parsed = traced === null ? undefined : parseTraceEvent(parseJson(traced));
  return parsed?.ok === true ? parsed.value : undefined;
}

function certaintyOf(
  { type, manager, operation }: Pick<Row<'events'>, 'type' | 'manager' | 'operation'>,
  attributed: AttributionEvent | undefined,
): Attribution['certainty'] {
  if (attributed?.certainty === 'one-of') return 'one of';
  if (attributed !== undefined && attributed.certainty !== 'unknown') return attributed.certainty;
  if (manager === null) return 'unknown';
  const isByToken = type !== 'applied' && type !== 'deleted' && roles.some((role) => role === operation);
  return isByToken ? 'verified' : 'manager only';
}

function toRequest(request: AttributedRequest): z.input<typeof changeRequest> {
  const { user, impersonatedUser } = request;
  const { username, uid, groups } = impersonatedUser ?? user;
  return {
    role: request.role ?? null,
    user: username,
    uid,
    groups: [...groups],
    impersonator: impersonatedUser === undefined ? null : user.username,
    userAgent: request.userAgent,
    tool: toolOf(request.userAgent),
    sourceAddresses: [...request.sourceIPs],
    auditId: request.auditId,
    verb: request.verb,
    at: request.at,
    fieldManager: request.fieldManager ?? null,
  };
}

function toClaim({ tool, application, revision, commit, initiatedBy, source }: TraceEvent): z.input<typeof toolClaim> {
  return {
    tool,
    application,
    revision: revision ?? null,
    commit: commit ?? null,
    initiatedBy: initiatedBy ?? null,
    source,
  };
}
