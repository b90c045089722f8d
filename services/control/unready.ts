// Says which rules of a version would be answered 503 now, and which rules and listeners refuse everything because
// nobody is there to consent: backends come from the version, endpoints from today. A rollback may name Services that
// are gone since, or have no ready endpoint any more.
import { type Kysely, sql } from 'kysely';
import { z } from 'zod';
import type { Database } from '#libs/runtime/postgres/database.ts';

/** One backend of a version, and what uses it. */
interface UsedBackend {
  readonly endpoints: string;
  readonly service: string;
  /** Rules that send to it. */
  readonly rules: readonly string[];
  /** Rules and listeners that ask it for consent. */
  readonly asking: readonly string[];
}

const route = z.object({ kind: z.string(), namespace: z.string(), name: z.string() });
const filters = z
  .array(z.object({ type: z.string(), backend: z.object({ key: z.string().optional() }).optional() }))
  .default([]);
const weighted = z.object({ key: z.string().optional(), weight: z.number(), filters });
const entrySchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('listener'), name: z.string(), filters }),
  z.object({
    kind: z.literal('http-rule'),
    route,
    index: z.number(),
    filters,
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

type Filters = z.output<typeof filters>;

const digestsMax = 64;
const sentencesMax = 10;
/** What contents send to, by digest: a digest means one content for good. */
const known = new Map<string, readonly UsedBackend[]>();

/**
 * Says of each rule and listener which of its backends has no ready endpoint; of many, of the first, and how many more.
 */
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
  const sentences = used.flatMap(({ endpoints, service, rules, asking }) => {
    const count = ready.get(endpoints);
    if (count !== undefined && count > 0) return [];
    const why = count === undefined ? 'does not exist' : 'has 0 ready endpoints';
    return [
      ...rules.map((rule) => `${rule}: ${service} ${why}: answered 503`),
      ...asking.map((who) => `${who}: ${service}, which is asked for consent, ${why}: answered 403`),
    ];
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
      join entries e on e.hash = c.hash order by c.key`.execute(db);
  const rules = new Map<string, string[]>();
  const asking = new Map<string, string[]>();
  const backends = new Map<string, Pick<UsedBackend, 'endpoints' | 'service'>>();
  for (const { key, json } of rows) {
    const entry = entrySchema.safeParse(JSON.parse(json)).data;
    if (entry === undefined) continue;
    if (entry.kind === 'backend') {
      const service = `Service ${entry.namespace}/${entry.service} port ${entry.port}`;
      backends.set(key, { endpoints: entry.endpoints, service });
      continue;
    }
    if (entry.kind === 'listener') {
      note(asking, askedBy(entry.filters), `listener ${entry.name}`);
      continue;
    }
    const { kind, namespace, name } = entry.route;
    const who = `rule ${entry.index} of ${kind} ${namespace}/${name}`;
    const isHttp = entry.kind === 'http-rule';
    const targets = (isHttp ? entry.action.backends : entry.backends).filter(({ weight }) => weight > 0);
    note(rules, present(targets), who);
    if (isHttp)
      note(
        asking,
        [entry, ...targets].flatMap((one) => askedBy(one.filters)),
        who,
      );
  }
  return [...backends].flatMap(([key, backend]) => {
    const of = { rules: rules.get(key) ?? [], asking: asking.get(key) ?? [] };
    return of.rules.length + of.asking.length === 0 ? [] : [{ ...backend, ...of }];
  });
}

function note(users: Map<string, string[]>, keys: readonly string[], who: string): void {
  for (const key of new Set(keys)) users.set(key, [...(users.get(key) ?? []), who]);
}

/** Gives the backends that filters ask for consent. */
function askedBy(list: Filters): readonly string[] {
  return present(list.flatMap(({ type, backend }) => (type === 'external-auth' && backend ? [backend] : [])));
}

function present(targets: readonly { readonly key?: string | undefined }[]): readonly string[] {
  return targets.flatMap(({ key }) => key ?? []);
}

function remember(digest: string, used: readonly UsedBackend[]): void {
  known.delete(digest);
  known.set(digest, used);
  const [oldest] = known.keys();
  if (known.size > digestsMax && oldest !== undefined) known.delete(oldest);
}
