// Makes and checks bearer tokens. The text of a token is shown once, when it is made; Postgres holds its SHA-256.
import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { DeedEvent } from '#libs/events/deed-event.ts';
import type { Role } from '#libs/api/role.ts';
import { hashToken, newToken } from '#libs/runtime/bearer-token.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { type TokenScope, isScopedToken, verifyScopedToken } from '#libs/runtime/scoped-token.ts';
import { type Doer, noteDeeds } from '#libs/runtime/postgres/deeds.ts';
import { BatchedReads } from './batched-reads.ts';

/** Who calls. */
interface Caller {
  readonly tokenId: string;
  readonly name: string;
  readonly role: Role;
  /** What a node may call itself and serve, where its token was derived from an agent's; absent = anything. */
  readonly scope?: TokenScope;
}

/** A caller, and the address that the request came from: behind a proxy, the proxy's. */
export interface Visitor extends Caller {
  readonly address: string;
}

/** Names who did something by a request, and why if they say so. */
export function doerOf({ name, role, address }: Visitor, why?: string): Doer {
  const doer = { actor: { name, role }, from: address };
  return why === undefined ? doer : { ...doer, why };
}

const rank: Readonly<Record<Role, number>> = { provisioner: 0, node: 0, viewer: 1, operator: 2, admin: 3 };

/**
 * Tells whether a caller may do what needs a role: viewer < operator < admin. node stands apart: it opens the hub and
 * nothing else; admin opens everything. A provisioner's token opens nothing itself: agents derive the tokens of nodes
 * from it.
 */
export function hasRole(caller: Caller, needed: Role): boolean {
  return needed === 'node' ? caller.role === 'node' || caller.role === 'admin' : rank[caller.role] >= rank[needed];
}

/** Makes a token, and notes it for the history; its text is known only from this answer. */
export async function createToken(
  db: Kysely<Database>,
  { name, role }: { readonly name: string; readonly role: Role },
  by: Doer,
): Promise<{ readonly id: string; readonly token: string }> {
  const id = randomUUID().slice(0, 8);
  const token = newToken();
  const created = new Date();
  await db.transaction().execute(async (transaction) => {
    await transaction
      .insertInto('tokens')
      .values({ id, name, role, sha256: hashToken(token), created_at: created })
      .execute();
    await noteDeeds(transaction, [tokenDeed('token-created', { id, name, role }, by, created)]);
  });
  return { id, token };
}

/** Says what was done to a token. */
export function tokenDeed(
  type: 'token-created' | 'token-revoked',
  { id, name, role }: { readonly id: string; readonly name: string; readonly role: string },
  by: Doer,
  at: Date,
): DeedEvent {
  const did = type === 'token-created' ? 'made' : 'revoked';
  const reason = `${did} the token ${id} (${name}, ${role})`;
  return { v: 1, type, id: `${type}:${id}`, at: at.toISOString(), ...by, subject: id, reason };
}

const freshMs = 10_000;
const knownMax = 10_000;
const provisionersMax = 1000;

/** Remembers which tokens are good, for a few seconds and until one is revoked anywhere. */
export class TokenBook {
  readonly #db: Kysely<Database>;
  readonly #known = new Map<string, { readonly caller: Caller; readonly readAt: number }>();
  // Anybody may ask for tokens that nobody has; that costs Postgres one statement at a time, however many ask.
  readonly #plain = new BatchedReads((hashes) => this.#readPlain(hashes));
  readonly #scoped = new BatchedReads((tokens) => this.#readScoped(tokens));

  constructor(db: Kysely<Database>) {
    this.#db = db;
  }

  /** Finds who the token belongs to; undefined = nobody. */
  async verify(token: string): Promise<Caller | undefined> {
    const sha256 = hashToken(token);
    const known = this.#known.get(sha256);
    if (known !== undefined && performance.now() - known.readAt < freshMs) return known.caller;
    const caller = isScopedToken(token) ? await this.#scoped.find(token) : await this.#plain.find(sha256);
    this.#known.delete(sha256);
    if (caller === undefined) return undefined;
    if (this.#known.size >= knownMax) this.#known.clear();
    this.#known.set(sha256, { caller, readAt: performance.now() });
    return caller;
  }

  async #readPlain(hashes: readonly string[]): Promise<ReadonlyMap<string, Caller>> {
    const rows = await this.#db
      .selectFrom('tokens')
      .select(['id', 'name', 'role', 'sha256'])
      .where('sha256', 'in', hashes)
      .where('revoked_at', 'is', null)
      .execute();
    return new Map(rows.map(({ id, name, role, sha256 }) => [sha256, { tokenId: id, name, role }]));
  }

  /** Finds the agents' tokens that nodes' were derived from: a node's is as good as that one. */
  async #readScoped(tokens: readonly string[]): Promise<ReadonlyMap<string, Caller>> {
    const provisioners = await this.#db
      .selectFrom('tokens')
      .select(['id', 'name', 'sha256'])
      .where('role', '=', 'provisioner')
      .where('revoked_at', 'is', null)
      .limit(provisionersMax)
      .execute();
    const found = new Map<string, Caller>();
    for (const token of tokens) {
      for (const { id, name, sha256 } of provisioners) {
        const scope = verifyScopedToken(token, sha256);
        if (scope === undefined) continue;
        found.set(token, { tokenId: id, name, role: 'node', scope });
        break;
      }
    }
    return found;
  }

  async isValid(tokenId: string): Promise<boolean> {
    const row = await this.#db
      .selectFrom('tokens')
      .select('id')
      .where('id', '=', tokenId)
      .where('revoked_at', 'is', null)
      .executeTakeFirst();
    return row !== undefined;
  }

  /** Forgets a token that is revoked; null = any may be. */
  forget(tokenId: string | null): void {
    for (const [sha256, { caller }] of this.#known) {
      if (tokenId === null || caller.tokenId === tokenId) this.#known.delete(sha256);
    }
  }
}

/** Reads the token of an Authorization header. */
export function bearerOf(header: string | undefined): string | undefined {
  return /^Bearer +([\w.~+/=-]{1,2048})$/i.exec(header ?? '')?.[1];
}
