// Reads from the history what became of operator commands, so that a repeated command gets the same answer, and what a
// new one is decided against.
import type { ClientBase } from 'pg';
import type { OperatorEvent, OperatorOutcome } from '#libs/events/operator-event.ts';
import { parseOperatorEvent } from '#libs/events/parse-operator-event.ts';
import type { Standing } from '#libs/projection/versions/operator-decision.ts';

const versionsMax = 10_000;

/** Reads the outcome of a command that was decided; undefined when the history does not hold it. */
export async function readOutcome(client: ClientBase, id: string): Promise<OperatorOutcome | undefined> {
  const { rows } = await client.query<{ seq: string; data: string; version: number }>(
    `select e.seq, e.data,
            (select coalesce(max(s.version), 0) from snapshots s
              where s.gateway = e.cluster || '/' || e.namespace || '/' || e.name and s.seq <= e.batch) as version
       from events e where e.id = $1 and e.type in ('rollback', 'release', 'accept')`,
    [id],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const stored = parseOperatorEvent(JSON.parse(row.data));
  if (!stored.ok) throw new Error(`event ${row.seq} cannot be read`);
  return toOutcome(stored.value, row.version, row.seq);
}

/** Makes the answer to a command that is in the history; `version` serves since. */
export function toOutcome(event: OperatorEvent, version: number, seq: string): OperatorOutcome {
  const { id, gateway, outcome = { result: 'done' } } = event;
  if (outcome.result !== 'done') return { id, ok: false, code: outcome.code, message: outcome.message };
  const replaced = outcome.replaced === undefined ? {} : { replaced: outcome.replaced };
  const to = event.type === 'rollback' && event.to !== null ? { to: event.to } : {};
  return { id, ok: true, gateway, version, seq, ...replaced, ...to };
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
  const [by] = served.rows;
  if (by === undefined) return { versions: rows, servedBy: undefined };
  const { actor, at, reason, of_version: ofVersion } = by;
  return { versions: rows, servedBy: { actor, at: at.toISOString(), reason, ofVersion } };
}
