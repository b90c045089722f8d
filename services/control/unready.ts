// Says which rules of a version would be answered 503 now: their backends come from the version, the endpoints from
// today. A rollback may name Services that are gone since, or have no ready endpoint any more.
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import type { Database } from '#libs/runtime/postgres/database.ts';

/** One backend of a version, and the rules that send to it. */
interface UsedBackend {
  readonly endpoints: string;
  readonly service: string;
  readonly rules: readonly string[];
}

const route = z.object({ kind: z.string(), namespace: z.string(), name: z.string() });
const weighted = z.object({ key: z.string().optional(), weight: z.number() });
const entrySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('http-rule'),
    route,
    index: z.number(),
    action: z.object({ backends: z.array(weighted).default([]) }),
  }),
  z.object({ kind: z.literal('stream-rule'), route, index: z.number(), backends: z.array(weighted) }),
  z.object({
    kind: z.literal('backend'),
    namespace: z.string(),
    service: z.string(),
    port: z.number(),
    endpoints: z.string(),
  }),
]);

const digestsMax = 64;
const sentencesMax = 10;
/** What contents send to, by digest: a digest means one content for good. */
const known = new Map<string, readonly UsedBackend[]>();

/** Says of each rule which of its backends has no ready endpoint; of many, of the first, and how many more. */
export async function readUnready(db: Kysely<Database>, gateway: string, version: number): Promise<string[]> {
  const found = await db
    .selectFrom('snapshots')
    .select('digest')
    .where('gateway', '=', gateway)
    .where('version', '=', version)
    .executeTakeFirst();
  if (found === undefined) return [];
  const { digest } = found;
  const used = known.get(digest) ?? (await readUsed(db, gateway, version));
  remember(digest, used);
  const ready = await readReady(
    db,
    used.map(({ endpoints }) => endpoints),
  );
  const sentences = used.flatMap(({ endpoints, service, rules }) => {
    const count = ready.get(endpoints);
    if (count !== undefined && count > 0) return [];
    const why = count === undefined ? 'does not exist' : 'has 0 ready endpoints';
    return rules.map((rule) => `${rule}: ${service} ${why}: answered 503`);
  });
  const more = sentences.length - sentencesMax;
  return more > 0 ? [...sentences.slice(0, sentencesMax), `and ${more} more`] : sentences;
}

/** Reads how many ready endpoints there are now, by discovery key; what is not in it does not exist. */
export async function readReady(db: Kysely<Database>, keys: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (keys.length === 0) return new Map();
  const { rows } = await sql<{ key: string; ready: number }>`
    select key, jsonb_array_length(item::jsonb -> 'endpoints') as ready from discovery
     where key = any(${[...keys]}) and starts_with(key, 'endpoints/') and item is not null`.execute(db);
  return new Map(rows.map(({ key, ready }) => [key, ready]));
}

async function readUsed(db: Kysely<Database>, gateway: string, version: number): Promise<readonly UsedBackend[]> {
  const { rows } = await sql<{ key: string; json: string }>`
    select c.key, e.json
      from (select distinct on (key) key, hash from snapshot_changes
             where gateway = ${gateway} and version <= ${version} order by key, version desc) c
      join entries e on e.hash = c.hash where not starts_with(c.key, 'listener/') order by c.key`.execute(db);
  const rules = new Map<string, string[]>();
  const backends = new Map<string, Omit<UsedBackend, 'rules'>>();
  for (const { key, json } of rows) {
    const entry = entrySchema.safeParse(JSON.parse(json)).data;
    if (entry === undefined) continue;
    if (entry.kind === 'backend') {
      const service = `Service ${entry.namespace}/${entry.service} port ${entry.port}`;
      backends.set(key, { endpoints: entry.endpoints, service });
      continue;
    }
    const { kind, namespace, name } = entry.route;
    const sendsTo = entry.kind === 'http-rule' ? entry.action.backends : entry.backends;
    const targets = new Set(sendsTo.flatMap(({ key: to, weight }) => (to === undefined || weight === 0 ? [] : [to])));
    for (const to of targets)
      rules.set(to, [...(rules.get(to) ?? []), `rule ${entry.index} of ${kind} ${namespace}/${name}`]);
  }
  return [...backends].flatMap(([key, backend]) => {
    const of = rules.get(key);
    return of === undefined ? [] : [{ ...backend, rules: of }];
  });
}

function remember(digest: string, used: readonly UsedBackend[]): void {
  known.delete(digest);
  known.set(digest, used);
  const [oldest] = known.keys();
  if (known.size > digestsMax && oldest !== undefined) known.delete(oldest);
}
