// Appends commands to the log like every other event. The projector decides them; the caller is told the outcome and,
// where wanted, what the nodes made of it. Control decides nothing itself: it looks up only what makes a clear refusal.
import { randomUUID } from 'node:crypto';
import type { Kysely } from 'kysely';
import { z } from 'zod';
import type { DecisionEvent, GatewayCommand, OperatorEvent, OperatorOutcome } from '#libs/events/operator-event.ts';
import type { CommandType } from '#libs/gateway/command-types.ts';
import { operatorSubject, replyHeader } from '#libs/events/subjects.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { FleetgateError, fail, messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { Nats, Stoppable } from '#libs/runtime/nats/nats.ts';
import { pause } from '#libs/runtime/pause.ts';
import type { commandAccepted, commandResult } from '#libs/api/models/command.ts';
import { Problem } from '#libs/api/problem.ts';
import { noGateway } from '../not-found.ts';
import type { Visitor } from '../access/tokens.ts';
import { readUnready } from '../unready.ts';
import { problemCodeOf, toResult } from './command-answers.ts';
import { readRecorded, readStanding, readTarget, toOutcome } from './command-facts.ts';
import type { NodeWaits } from './node-waits.ts';

/** Says what is asked for; `waitMs` = how long to wait for the nodes from the beginning, undefined = not at all. */
export interface Command {
  readonly type: CommandType;
  readonly gateway: string;
  /** Of a rollback; null = the version that served before. */
  readonly to: number | null;
  readonly reason: string | undefined;
  readonly ticket: string | undefined;
  /** The version that served when the person looked; undefined = any. */
  readonly expect: number | undefined;
  /** Carry it out though another version serves than expected. */
  readonly force: boolean;
  /** Carry it out without the confirmation that the gateway wants. */
  readonly breakGlass: boolean;
  /** How long to wait until it is decided; a little before that it expires. */
  readonly timeoutMs: number | undefined;
  readonly waitMs: number | undefined;
}

/** Says what somebody decides of a request. */
interface Decision extends Pick<Command, 'gateway' | 'reason' | 'ticket' | 'timeoutMs' | 'waitMs'> {
  readonly type: DecisionEvent['type'];
  /** Id of what was requested. */
  readonly request: string;
}

type CommandAnswer =
  | { readonly done: z.input<typeof commandResult> }
  | { readonly pending: z.input<typeof commandAccepted> }
  | Problem;

const publishTimeoutMs = 3000;
const decideTimeoutMs = 5000;
/** What is decided at the last moment is heard of before the waiting ends. */
const answerMs = 500;
const pendingMax = 1000;

const outcome = z.union([
  z.object({
    id: z.string(),
    ok: z.literal(true),
    gateway: z.string(),
    version: z.int(),
    seq: z.string(),
    replaced: z.int().exactOptional(),
    to: z.int().exactOptional(),
  }),
  z.object({
    id: z.string(),
    ok: z.literal(false),
    code: z.string(),
    message: z.string(),
    until: z.string().exactOptional(),
  }),
]) satisfies z.ZodType<OperatorOutcome>;

export class Commands {
  readonly #db: Kysely<Database>;
  readonly #waits: NodeWaits;
  readonly #log: Logger;
  readonly #confirm: readonly CommandType[];
  readonly #pending = new Map<string, (outcome: OperatorOutcome) => void>();
  #connection: { readonly nats: Nats; readonly inbox: string; readonly subscription: Stoppable } | null = null;

  /** `confirm` names the commands that another person must confirm, at every gateway. */
  constructor(db: Kysely<Database>, waits: NodeWaits, log: Logger, confirm: readonly CommandType[]) {
    this.#db = db;
    this.#confirm = confirm;
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

  /** Gives a command. */
  async run(caller: Visitor, command: Command): Promise<CommandAnswer> {
    return this.#send(command, () => this.#toEvent(caller, command));
  }

  /** Decides what another person requested. */
  async decide(caller: Visitor, { type, gateway, request, ...said }: Decision): Promise<CommandAnswer> {
    return this.#send({ gateway, ...said }, async () => ({ ...baseOf(caller, { gateway, ...said }), type, request }));
  }

  async #send(
    { gateway, timeoutMs, waitMs }: Pick<Command, 'gateway' | 'timeoutMs' | 'waitMs'>,
    toEvent: () => Promise<OperatorEvent | Problem>,
  ): Promise<CommandAnswer> {
    const connection = this.#connection;
    if (connection === null || !connection.nats.connected)
      return new Problem('nats-unreachable', 'control is not connected to NATS');
    if (this.#pending.size >= pendingMax) return new Problem('busy', 'too many commands are waiting for their outcome');
    const startedAt = performance.now();
    const event = await toEvent();
    if (event instanceof Problem) return event;
    const watch = this.#waits.watch(gateway);
    try {
      const answer = await this.#decided(connection, event, timeoutMs ?? decideTimeoutMs);
      if (answer instanceof Problem || 'pending' in answer) return answer;
      const decidedMs = performance.now() - startedAt;
      const nodes = waitMs === undefined ? null : await watch.wait(answer.version, Math.max(0, waitMs - decidedMs));
      const unready = await readUnready(this.#db, gateway, answer.version);
      return { done: { ...toResult(answer, gateway, decidedMs, nodes, startedAt), unready } };
    } finally {
      watch.stop();
    }
  }

  async stop(): Promise<void> {
    await this.#connection?.subscription.stop();
  }

  /** Publishes the command and waits for its outcome. */
  async #decided(
    { nats, inbox }: { readonly nats: Nats; readonly inbox: string },
    event: OperatorEvent,
    timeoutMs: number,
  ): Promise<Extract<OperatorOutcome, { ok: true }> | Extract<CommandAnswer, { readonly pending: unknown }> | Problem> {
    const giveUpAt = performance.now() + timeoutMs;
    const decided = this.#await(event.id, timeoutMs);
    try {
      await nats.publishStream(operatorSubject, event, {
        id: event.id,
        headers: { [replyHeader]: inbox },
        timeoutMs: Math.max(1, Math.min(publishTimeoutMs, giveUpAt - performance.now())),
      });
    } catch (error) {
      this.#pending.delete(event.id);
      return this.#notTaken(nats, error);
    }
    // An answer may be lost on the way: the history has it then.
    const answer = (await decided) ?? (await this.#recorded(event.id));
    const { type, gateway, actor, expiresAt } = event;
    this.#log.info({ command: type, gateway, caller: actor.name, outcome: answer }, 'command');
    if (answer === null) {
      const message =
        `taken, and not decided within ${timeoutMs} ms: the projector is away or busy. ` +
        `The command expires at ${expiresAt} and is not carried out after that; the history will say so`;
      return { pending: { id: event.id, message, expiresAt, confirm: false } };
    }
    if (answer.ok) return answer;
    const { code, message, until } = answer;
    if (until !== undefined) return { pending: { id: event.id, message, expiresAt: until, confirm: true } };
    return new Problem(problemCodeOf(code), message);
  }

  /** Says why a command was not stored; the stream's store may know more than that no answer came. */
  async #notTaken(nats: Nats, error: unknown): Promise<Problem> {
    const fault = await Promise.race([nats.storeFault(), pause(answerMs).then(() => undefined)]);
    const reason = fault === undefined ? error : fail('nats-store', fault, { cause: error });
    this.#log.warn({ err: reason }, 'a command could not be published');
    const hint = reason instanceof FleetgateError && reason.code !== 'nats-publish' ? reason.hint : undefined;
    return new Problem('nats-unreachable', `NATS did not take the command: ${messageOf(reason)}`, hint);
  }

  async #recorded(id: string): Promise<OperatorOutcome | null> {
    const recorded = await readRecorded(this.#db, id);
    return recorded === undefined ? null : toOutcome(id, recorded);
  }

  /**
   * Names the content that a rollback goes back to, so that the command never means another; tells names that do not
   * exist from refusals. Everything else is for the projector, which knows the newest.
   */
  async #toEvent(caller: Visitor, command: Command): Promise<GatewayCommand | Problem> {
    const { type, gateway, to, expect, force, breakGlass } = command;
    const standing = await readStanding(this.#db, gateway);
    if (standing === undefined) return noGateway(gateway);
    const base = {
      ...baseOf(caller, command),
      ...(expect === undefined ? {} : { expect }),
      ...(force ? { force } : {}),
      ...(breakGlass ? { breakGlass } : {}),
      ...(this.#confirm.includes(type) ? { confirm: true } : {}),
    };
    if (type !== 'rollback') return { ...base, type };
    // Without a version a pinned gateway refuses, so that nothing is chosen for it.
    const chosen = to !== null || !standing.pinned;
    const target = chosen ? await readTarget(this.#db, gateway, standing.serving, to) : undefined;
    return target === undefined ? { ...base, type, to } : { ...base, type, to: target.version, digest: target.digest };
  }

  /** Waits for the outcome of a command; null = there was none in time. */
  #await(id: string, timeoutMs: number): Promise<OperatorOutcome | null> {
    const { promise, resolve } = Promise.withResolvers<OperatorOutcome | null>();
    const timer = setTimeout(() => resolve(null), timeoutMs);
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

/** Says who decides what, from where, until when, and why. */
function baseOf(
  caller: Visitor,
  {
    gateway,
    reason,
    ticket,
    timeoutMs = decideTimeoutMs,
  }: Pick<Command, 'gateway' | 'reason' | 'ticket' | 'timeoutMs'>,
) {
  const now = Date.now();
  return {
    v: 2,
    id: randomUUID(),
    gateway,
    actor: { name: caller.name, role: caller.role },
    from: caller.address,
    at: new Date(now).toISOString(),
    expiresAt: new Date(now + Math.max(timeoutMs - answerMs, timeoutMs / 2)).toISOString(),
    ...(reason === undefined ? {} : { reason }),
    ...(ticket === undefined ? {} : { ticket }),
  } as const;
}
