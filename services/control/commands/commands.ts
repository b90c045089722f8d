// Appends commands to the log like every other event. The projector decides them; the caller is told the outcome and,
// where wanted, what the nodes made of it. Control decides nothing itself: it looks up only what makes a clear refusal.
import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import { z } from 'zod';
import type { OperatorEvent, OperatorOutcome } from '#libs/events/operator-event.ts';
import { operatorSubject, replyHeader } from '#libs/events/subjects.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { Nats, Stoppable } from '#libs/runtime/nats/nats.ts';
import type { commandAccepted, commandResult } from '#libs/api/models/command.ts';
import { Problem, type ProblemCode } from '#libs/api/problem.ts';
import { noGateway } from '../not-found.ts';
import type { Caller } from '../access/tokens.ts';
import type { NodeWaits, WaitedNode } from './node-waits.ts';

/** Says what is asked for; `waitMs` = how long to wait for the nodes, undefined = not at all. */
export interface Command {
  readonly type: OperatorEvent['type'];
  readonly gateway: string;
  /** Of a rollback; null = the version that served before. */
  readonly to: number | null;
  readonly reason: string | undefined;
  readonly waitMs: number | undefined;
}

type CommandAnswer =
  | { readonly done: z.input<typeof commandResult> }
  | { readonly pending: z.input<typeof commandAccepted> }
  | Problem;

const publishTimeoutMs = 3000;
const decideTimeoutMs = 5000;
const pendingMax = 1000;

const outcome = z.union([
  z.object({ id: z.string(), ok: z.literal(true), gateway: z.string(), version: z.int(), seq: z.string() }),
  z.object({ id: z.string(), ok: z.literal(false), code: z.string(), message: z.string() }),
]) satisfies z.ZodType<OperatorOutcome>;

export class Commands {
  readonly #db: Kysely<Database>;
  readonly #waits: NodeWaits;
  readonly #log: Logger;
  readonly #pending = new Map<string, (outcome: OperatorOutcome) => void>();
  #connection: { readonly nats: Nats; readonly inbox: string; readonly subscription: Stoppable } | null = null;

  constructor(db: Kysely<Database>, waits: NodeWaits, log: Logger) {
    this.#db = db;
    this.#waits = waits;
    this.#log = log;
  }

  get connected(): boolean {
    return this.#connection?.nats.connected ?? false;
  }

  /** Begins to take commands: before NATS is there they are refused. */
  attach(nats: Nats): void {
    const inbox = nats.newInbox();
    this.#connection = { nats, inbox, subscription: nats.subscribe(inbox, (json) => this.#hear(json)) };
  }

  async run(caller: Caller, command: Command): Promise<CommandAnswer> {
    const connection = this.#connection;
    if (connection === null || !connection.nats.connected)
      return new Problem('nats-unreachable', 'control is not connected to NATS');
    if (this.#pending.size >= pendingMax) return new Problem('busy', 'too many commands are waiting for their outcome');
    const refusal = await this.#lookUp(command);
    if (refusal !== null) return refusal;
    const watch = this.#waits.watch(command.gateway);
    try {
      return await this.#send(connection, caller, command, watch);
    } finally {
      watch.stop();
    }
  }

  async stop(): Promise<void> {
    await this.#connection?.subscription.stop();
  }

  async #send(
    { nats, inbox }: { readonly nats: Nats; readonly inbox: string },
    caller: Caller,
    command: Command,
    watch: ReturnType<NodeWaits['watch']>,
  ): Promise<CommandAnswer> {
    const event = toEvent(caller, command);
    const startedAt = performance.now();
    const decided = this.#await(event.id);
    try {
      await nats.publishStream(operatorSubject, event, {
        id: event.id,
        headers: { [replyHeader]: inbox },
        timeoutMs: publishTimeoutMs,
      });
    } catch (error) {
      this.#pending.delete(event.id);
      this.#log.warn({ err: error }, 'a command could not be published');
      return new Problem('nats-unreachable', `NATS did not take the command: ${messageOf(error)}`);
    }
    const answer = await decided;
    if (answer === null) {
      const message =
        `taken, and not decided within ${decideTimeoutMs} ms: ` +
        'the projector is away or busy, and will decide when it is back';
      return { pending: { id: event.id, message } };
    }
    this.#log.info({ command: event.type, gateway: event.gateway, caller: caller.name, outcome: answer }, 'command');
    if (!answer.ok) return new Problem(codeOf(answer.code), answer.message);
    const decidedMs = performance.now() - startedAt;
    const nodes = command.waitMs === undefined ? null : await watch.wait(answer.version, command.waitMs);
    return { done: toResult(answer, command.gateway, decidedMs, nodes, startedAt) };
  }

  /** Tells names that do not exist from refusals; everything else is for the projector, which knows the newest. */
  async #lookUp({ gateway, to }: Command): Promise<Problem | null> {
    const row = await this.#db
      .selectFrom('gateways')
      .select(['head'])
      .where('gateway', '=', gateway)
      .executeTakeFirst();
    if (row === undefined) return noGateway(gateway);
    if (to === null || to <= row.head) return null;
    return new Problem('not-found', `gateway ${gateway} has no version ${to}`, `Its newest version is ${row.head}.`);
  }

  /** Waits for the outcome of a command; null = there was none in time. */
  #await(id: string): Promise<OperatorOutcome | null> {
    const { promise, resolve } = Promise.withResolvers<OperatorOutcome | null>();
    const timer = setTimeout(() => resolve(null), decideTimeoutMs);
    this.#pending.set(id, resolve);
    return promise.finally(() => {
      clearTimeout(timer);
      this.#pending.delete(id);
    });
  }

  #hear(json: unknown): void {
    const parsed = outcome.safeParse(json);
    if (parsed.success) this.#pending.get(parsed.data.id)?.(parsed.data);
    else this.#log.warn({ json }, 'an outcome was not understood');
  }
}

function toEvent(caller: Caller, { type, gateway, to, reason }: Command): OperatorEvent {
  const base = {
    v: 1,
    id: randomUUID(),
    gateway,
    actor: { name: caller.name, role: caller.role },
    at: new Date().toISOString(),
    ...(reason === undefined ? {} : { reason }),
  } as const;
  return type === 'rollback' ? { ...base, type, to } : { ...base, type };
}

function toResult(
  { id, version, seq }: Extract<OperatorOutcome, { ok: true }>,
  gateway: string,
  decidedMs: number,
  waited: readonly WaitedNode[] | null,
  startedAt: number,
): z.input<typeof commandResult> {
  const nodes = (waited ?? []).map(({ node, heard }) => ({
    node,
    state: heard?.state ?? ('waiting' as const),
    ms: heard === null ? null : Math.max(0, heard.at - startedAt),
    tookMs: heard?.tookMs ?? null,
    reasons: [...(heard?.reasons ?? [])],
  }));
  const complete = waited !== null && nodes.every(({ state }) => state === 'applied');
  const last = Math.max(...nodes.map(({ ms }) => ms ?? 0));
  return { id, gateway, version, seq, decidedMs, complete, ms: complete && nodes.length > 0 ? last : null, nodes };
}

/** The projector's words for a refusal, as the API's. */
const refusals: Readonly<Record<string, ProblemCode>> = {
  'unknown-gateway': 'not-found',
  'unknown-version': 'not-found',
  'no-earlier-version': 'conflict',
  'not-pinned': 'conflict',
  'nothing-held': 'conflict',
};

function codeOf(code: string): ProblemCode {
  return refusals[code] ?? 'refused';
}
