// Says in the table `projectors` that this one is there, what it does, and until when it may lead: every few seconds,
// by the database's clock. Who does not renew its lease is replaced (leadership.ts).
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Kysely, sql } from 'kysely';
import { messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { jsonbText } from '#libs/runtime/postgres/jsonb-text.ts';
import packageFile from '../../package.json' with { type: 'json' };

/** Names one projector process. */
export interface ProjectorIdentity {
  readonly projector: string;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  /** How long it may lead without a sign of life. */
  readonly leaseMs: number;
}

/** Says what a projector does; `epoch` = the one under which it leads, or is about to. */
type Doing = { readonly phase: 'standing by' } | { readonly phase: 'loading' | 'leading'; readonly epoch: string };

/** To load a large fleet blocks a process for longer than anything else that a leader does. */
const loadingLeaseMs = 120_000;
const beatMs = 2000;
const forgottenAfter = '1 hour';

/** Makes the identity of this process; each call makes another one. */
export function newIdentity(leaseMs: number): ProjectorIdentity {
  const host = hostname();
  return {
    projector: `${host}/${randomUUID().slice(0, 8)}`,
    host,
    pid: process.pid,
    version: packageFile.version,
    leaseMs,
  };
}

/** Gives how long a lease lasts in a phase. */
export function leaseOf({ leaseMs }: ProjectorIdentity, phase: 'loading' | 'leading'): number {
  return phase === 'loading' ? Math.max(leaseMs, loadingLeaseMs) : leaseMs;
}

/** Keeps one row of the table while a projector runs. */
export class Presence {
  readonly #db: Kysely<Database>;
  readonly #self: ProjectorIdentity;
  readonly #problems: () => readonly string[];
  readonly #log: Logger;
  readonly #timer: NodeJS.Timeout;
  #doing: Doing | undefined;
  #writing: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(options: {
    readonly db: Kysely<Database>;
    readonly self: ProjectorIdentity;
    /** Sentences for people about what keeps it from its work. */
    readonly problems: () => readonly string[];
    readonly log: Logger;
  }) {
    this.#db = options.db;
    this.#self = options.self;
    this.#problems = options.problems;
    this.#log = options.log;
    this.#timer = setInterval(() => this.#beat(), Math.min(beatMs, options.self.leaseMs / 4));
  }

  /** Says what it does from now on. */
  enter(doing: Doing): void {
    this.#doing = doing;
    this.#beat();
  }

  /** Takes the row away. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#writing;
    await this.#db
      .deleteFrom('projectors')
      .where('projector', '=', this.#self.projector)
      .execute()
      .catch(() => undefined);
  }

  #beat(): void {
    // While Postgres does not answer, beats do not pile up.
    if (this.#doing === undefined || this.#waiting > 1) return;
    this.#waiting += 1;
    this.#writing = this.#writing
      .then(() => this.#write())
      .catch((error: unknown) => this.#log.debug({ reason: messageOf(error) }, 'the list of projectors is not written'))
      .finally(() => {
        this.#waiting -= 1;
      });
  }

  async #write(): Promise<void> {
    const doing = this.#doing;
    if (doing === undefined) return;
    const { projector, host, pid, version } = this.#self;
    const leads = doing.phase !== 'standing by';
    const leaseMs = doing.phase === 'standing by' ? 0 : leaseOf(this.#self, doing.phase);
    const now = sql<Date>`clock_timestamp()`;
    await this.#db
      .insertInto('projectors')
      .values({
        projector,
        host,
        pid,
        version,
        phase: doing.phase,
        since: now,
        last_seen: now,
        epoch: leads ? doing.epoch : null,
        lease_until: leads ? sql<Date>`clock_timestamp() + make_interval(secs => ${leaseMs / 1000}::float8)` : null,
        problems: jsonbText(this.#problems()),
      })
      .onConflict((conflict) =>
        conflict.column('projector').doUpdateSet((row) => ({
          phase: row.ref('excluded.phase'),
          since: sql<Date>`case when projectors.phase = excluded.phase then projectors.since else excluded.since end`,
          last_seen: row.ref('excluded.last_seen'),
          epoch: row.ref('excluded.epoch'),
          lease_until: row.ref('excluded.lease_until'),
          problems: row.ref('excluded.problems'),
        })),
      )
      .execute();
    await this.#db
      .deleteFrom('projectors')
      .where('last_seen', '<', sql<Date>`now() - ${sql.lit(forgottenAfter)}::interval`)
      .execute();
  }
}
