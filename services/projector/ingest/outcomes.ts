// Reads from the history what became of operator commands, so that a repeated command gets the same answer, and what a
// new one is decided against.
import type { ClientBase } from 'pg';
import {
  type DecisionEvent,
  type OperatorEvent,
  type OperatorOutcome,
  type RequestedEvent,
  carriedOut,
  operatorTypes,
} from '#libs/events/operator-event.ts';
import { parseOperatorEvent } from '#libs/events/parse-operator-event.ts';
import { parsePlaceKey } from '#libs/gateway/object-key.ts';
import type { Standing } from '#libs/projection/versions/operator-decision.ts';

const versionsMax = 10_000;

/** Reads the outcome of a command that was decided; undefined when the history does not hold it. */
export async function readOutcome(client: ClientBase, id: string): Promise<OperatorOutcome | undefined> {
  const { rows } = await client.query<{ seq: string; data: string; version: number }>(
    `select e.seq, e.data,
            (select coalesce(max(s.version), 0) from snapshots s
              where s.gateway = e.cluster || '/' || e.namespace || '/' || e.name and s.seq <= e.batch) as version
       from events e where e.id = $1 and e.type = any($2)`,
    [id, operatorTypes],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return toOutcome(parseStored(row), row.version, row.seq);
}

/** Makes the answer to a command that is in the history; `version` serves since. */
export function toOutcome(event: OperatorEvent, version: number, seq: string): OperatorOutcome {
  const { id, gateway, outcome = { result: 'done' } } = event;
  if (outcome.result !== 'done') return { id, ok: false, code: outcome.code, message: outcome.message };
  if (event.type === 'requested') return toWaiting(event);
  const replaced = outcome.replaced === undefined ? {} : { replaced: outcome.replaced };
  const command = carriedOut(event);
  const to = command?.type === 'rollback' && command.to !== null ? { to: command.to } : {};
  return { id, ok: true, gateway, version, seq, ...replaced, ...to };
}

function toWaiting({ id, gateway, command, expiresAt }: RequestedEvent): OperatorOutcome {
  const what = `the ${command.type} of ${gateway} is not carried out yet: another person must confirm it`;
  return { id, ok: false, code: 'requested', message: `${what} until ${expiresAt}`, until: expiresAt };
}

/** Reads what was requested, and what was decided of it; `request` undefined = nothing was requested under the id. */
export async function readRequest(
  client: ClientBase,
  id: string,
): Promise<{
  readonly request: RequestedEvent | undefined;
  readonly earlier: { readonly type: DecisionEvent['type']; readonly by: string | null } | undefined;
  /** Whether the name of who requested it was erased. */
  readonly erased: boolean;
}> {
  const { rows } = await client.query<{ seq: string; data: string; erased: boolean }>(
    `select e.seq, e.data, not exists (select from private_texts p where p.id = e.manager) as erased
       from events e where e.id = $1 and e.type = 'requested'`,
    [id],
  );
  const [row] = rows;
  const request = row === undefined ? undefined : parseStored(row);
  const isWaiting = request?.type === 'requested' && request.outcome?.result === 'done';
  if (row === undefined || !isWaiting) return { request: undefined, earlier: undefined, erased: false };
  const { cluster, namespace, name } = parsePlaceKey(request.gateway);
  const later = await client.query<{ seq: string; data: string }>(
    `select seq, data from events
      where cluster = $1 and kind = 'Gateway' and namespace = $2 and name = $3 and seq > $4
        and type in ('approved', 'rejected') order by seq`,
    [cluster, namespace, name, row.seq],
  );
  for (const one of later.rows) {
    const decision = parseStored(one);
    if (decision.type !== 'approved' && decision.type !== 'rejected') continue;
    if (decision.request !== id || decision.outcome?.result !== 'done') continue;
    return { request, earlier: { type: decision.type, by: decision.actor.name }, erased: row.erased };
  }
  return { request, earlier: undefined, erased: row.erased };
}

function parseStored({ seq, data }: { readonly seq: string; readonly data: string }): OperatorEvent {
  const stored = parseOperatorEvent(JSON.parse(data));
  if (!stored.ok) throw new Error(`event ${seq} cannot be read`);
  return stored.value;
}

/**
 * Reads the newest versions of a gateway, the wanted one however old it is, and who made the one that serves; in order.
 */
export async function readStanding(
  client: ClientBase,
  gateway: string,
  wanted: number | null,
): Promise<Omit<Standing, 'now'>> {
  const { rows } = await client.query<{ version: number; digest: string }>(
    `select version, digest from snapshots
      where gateway = $1 and (version = $2 or version > (select max(version) from snapshots where gateway = $1) - $3)
       order by version`,
    [gateway, wanted, versionsMax],
  );
  const served = await client.query<{
    actor: string | null;
    at: Date;
    reason: string | null;
    of_version: number | null;
  }>(
    `select s.actor, s.at, s.reason, s.of_version
       from gateways g join snapshots s on s.gateway = g.gateway and s.version = g.serving where g.gateway = $1`,
    [gateway],
  );
  const left = await client.query('select 1 from archived_versions where gateway = $1 and versions @> $2::int', [
    gateway,
    wanted,
  ]);
  const archived = (left.rowCount ?? 0) > 0;
  const [by] = served.rows;
  if (by === undefined) return { versions: rows, archived, servedBy: undefined };
  const { actor, at, reason, of_version: ofVersion } = by;
  return { versions: rows, archived, servedBy: { actor, at: at.toISOString(), reason, ofVersion } };
}
