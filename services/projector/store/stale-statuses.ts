// Finds the stored statuses that differ from what the projection says now.
import type { ClientBase } from 'pg';
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { canonicalJson } from '#libs/gateway/canonical.ts';
import type { Projection } from '#libs/projection/projection.ts';
import type { StatusChange } from '#libs/projection/versions/projection-change.ts';
import type { Row } from '#libs/runtime/postgres/database.ts';
import { jsonbText } from '#libs/runtime/postgres/jsonb-text.ts';
import { toObjectKey } from '#libs/gateway/object-key.ts';

const pageItems = 1000;

/** Finds the changes that make the table equal to the projection, cluster by cluster. */
export async function staleStatuses(
  client: ClientBase,
  projection: Projection,
  clusters: Iterable<string>,
): Promise<readonly StatusChange[]> {
  const changes: StatusChange[] = [];
  for (const cluster of clusters) {
    const { rows } = await client.query<Row<'statuses'>>(
      'select cluster, kind, namespace, name, uid, status from statuses where cluster = $1',
      [cluster],
    );
    const stored = new Map(rows.map((row) => [toObjectKey(row), row]));
    for (const item of desiredStatuses(projection, cluster)) {
      const key = toObjectKey({ cluster, ...item });
      const row = stored.get(key);
      stored.delete(key);
      if (row === undefined || row.uid !== item.uid || !sameJson(row.status, item.status))
        changes.push({ cluster, ...item });
    }
    for (const { kind, namespace, name } of stored.values())
      changes.push({ cluster, kind, namespace, name, status: null });
  }
  return changes;
}

function* desiredStatuses(projection: Projection, cluster: string): Generator<DesiredStatus> {
  let after: string | undefined;
  do {
    const page = projection.statuses(cluster, after, pageItems);
    yield* page.items;
    after = page.next;
  } while (after !== undefined);
}

function sameJson(stored: unknown, desired: unknown): boolean {
  return canonicalJson(stored) === canonicalJson(JSON.parse(jsonbText(desired)));
}
