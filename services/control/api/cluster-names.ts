// Shows clusters by the names that they were given later, and takes these in requests. Everything behind the API knows
// a cluster by the name that it has in the history: here, and nowhere else, one becomes the other.
import type { Kysely } from 'kysely';
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';

/** Both directions, of clusters that are shown by another name only. */
interface NameTable {
  /** Name in the history → the name that is shown. */
  readonly shown: ReadonlyMap<string, string>;
  /** The name that is shown → name in the history. */
  readonly kept: ReadonlyMap<string, string>;
  /** Milliseconds of `performance.now`. */
  readonly readAt: number;
}

/** A request before it is checked. */
interface RawRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

const rememberedMs = 1000;
/** Fields that name a cluster, or begin with one and a slash. */
const namingFields: ReadonlySet<string> = new Set(['cluster', 'gateway']);
/** What users wrote is left as it is. */
const writtenFields: ReadonlySet<string> = new Set(['object', 'body', 'data', 'before', 'after', 'value', 'settings']);

export class ClusterNames {
  readonly #db: Kysely<Database>;
  #table: NameTable | undefined;

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Reads the names anew with the next request: one was changed. */
  forget(): void {
    this.#table = undefined;
  }

  /** Gives the request by the names of the history. */
  async toKept({ params, query, body }: RawRequest): Promise<RawRequest> {
    const { kept } = await this.#read();
    return kept.size === 0 ? { params, query, body } : { params: named(params, kept), query: named(query, kept), body };
  }

  /** Gives the answer by the names that are shown. */
  async toShown(answer: unknown): Promise<unknown> {
    const { shown } = await this.#read();
    return shown.size === 0 ? answer : named(answer, shown);
  }

  async #read(): Promise<NameTable> {
    const now = performance.now();
    if (this.#table !== undefined && now - this.#table.readAt < rememberedMs) return this.#table;
    const rows = await this.#db
      .selectFrom('clusters')
      .select(['name', 'shown'])
      .where('shown', 'is not', null)
      .execute();
    const pairs = rows.flatMap(({ name, shown }) => (shown === null ? [] : [[name, shown] as const]));
    this.#table = {
      shown: new Map(pairs),
      kept: new Map(pairs.map(([name, shown]) => [shown, name])),
      readAt: now,
    };
    return this.#table;
  }
}

/** Puts other names into a value, at any depth. */
function named(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (Array.isArray(value)) return value.map((item) => named(item, names));
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([field, inner]) => {
      if (writtenFields.has(field)) return [field, inner];
      if (typeof inner === 'string' && namingFields.has(field)) return [field, renamed(inner, names)];
      return [field, named(inner, names)];
    }),
  );
}

function renamed(text: string, names: ReadonlyMap<string, string>): string {
  const [cluster = '', ...rest] = text.split('/');
  return [names.get(cluster) ?? cluster, ...rest].join('/');
}
