// Connects to NATS for JSON publish, subscribe and request, for the stream, and for its consumer. It reconnects for
// ever. No other file imports the client library, so that it can be exchanged.
import {
  AckPolicy,
  DeliverPolicy,
  DiscardPolicy,
  Events,
  type JetStreamClient,
  type JetStreamManager,
  type Msg,
  type NatsConnection,
  RetentionPolicy,
  StorageType,
  type Subscription,
  connect,
  credsAuthenticator,
  createInbox,
  headers as createHeaders,
} from 'nats';
import { consumerName, streamName, streamSubjects, unusedSubject } from '#libs/events/subjects.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import { parseAckSubject } from './ack-subject.ts';
import { type NatsOptions, connectionSettings } from './connection-settings.ts';
import { decodeJson, encodeJson } from './json-data.ts';
import { isLimit, isMissing, isNoMessage, isNotFoundOrTaken, reasonOf, storeFaultOf } from './nats-error.ts';
import { serversOf } from './nats-url.ts';
import { type ReaderMemory, decodeMemory, encodeMemory } from './reader-memory.ts';
import {
  type ConsumeOptions,
  type PullEvents,
  type StreamPlace,
  PullConsumer,
  StreamLostError,
} from './pull-consumer.ts';
import { storedAtOf } from './stored-at.ts';

export interface Stoppable {
  stop(): Promise<void>;
}

/** Handles one message; `reply` is absent when the sender wants no answer. What it throws is logged. */
type MessageHandler = (
  json: unknown,
  reply: ((answer: unknown) => void) | undefined,
  subject: string,
) => void | Promise<void>;

interface StreamState {
  /** When the stream was created (RFC 3339 with nanoseconds): identifies it; another value = another stream. */
  readonly created: string;
  /** Sequence of the first and of the newest message; 0 = none yet. */
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export interface Nats {
  readonly connected: boolean;
  /** Sends without waiting; while disconnected it is kept back and sent on reconnect. */
  publish(subject: string, json: unknown): void;
  /** `undefined` is sent as an empty message. Throws FleetgateError 'nats-request' without an answer in time. */
  request(subject: string, json: unknown, options: { readonly timeoutMs: number }): Promise<unknown>;
  subscribe(subject: string, handler: MessageHandler): Stoppable;
  /** Resolves once the server has seen all that was sent before, subscriptions included. */
  flush(): Promise<void>;
  /** Makes a subject that nobody else uses, for an answer that `subscribe` waits for. */
  newInbox(): string;
  /**
   * Appends to the stream and waits until it is stored. `id` makes a repeat within two minutes harmless. Throws
   * FleetgateError 'nats-limit', 'nats-publish'.
   */
  publishStream(
    subject: string,
    json: unknown,
    options: { readonly id: string; readonly headers?: Readonly<Record<string, string>>; readonly timeoutMs?: number },
  ): Promise<{ readonly seq: number; readonly duplicate: boolean }>;
  /** Creates the stream, or brings its settings up to date. Throws FleetgateError 'nats-limit', 'nats-stream'. */
  ensureStream(): Promise<StreamState>;
  /**
   * Says why the stream's store takes no more writes: after the first that failed it keeps the error until its server
   * is started anew. Undefined = it keeps none, or did not say.
   */
  storeFault(): Promise<string | undefined>;
  /**
   * When the stream stored the message of that number, in nanoseconds since 1970; null when it does not hold it. Throws
   * FleetgateError 'nats-stream'.
   */
  storedAt(seq: number): Promise<string | null>;
  /** Reads what the last reader of the stream had committed; undefined = there was none. */
  readMemory(): Promise<ReaderMemory | undefined>;
  /** Reads the stream in batches from a position; see ConsumeOptions. */
  consume(options: ConsumeOptions): Stoppable;
  /** Called at each change; not for the state at the time of the call. Returns the way to end it. */
  onStatus(callback: (status: 'connected' | 'disconnected') => void): () => void;
  close(): Promise<void>;
}

const streamMaxBytes = 1024 ** 3;
const streamMaxAgeMs = 3 * 24 * 3_600_000;
const duplicateWindowMs = 120_000;
const ackWaitMs = 3_600_000;
const nanosPerMs = 1_000_000;
const apiTimeoutMs = 5000;

/** Connects; keeps trying until the server answers or the signal is aborted. */
export async function connectNats(options: NatsOptions): Promise<Nats> {
  const connection = await connectUntil(options);
  const manager = await managerOf(connection);
  return new NatsClient(connection, manager, options);
}

class NatsClient implements Nats {
  readonly #connection: NatsConnection;
  readonly #manager: JetStreamManager;
  readonly #stream: JetStreamClient;
  readonly #log: Logger;
  readonly #replicas: number;
  readonly #listeners = new Set<(status: 'connected' | 'disconnected') => void>();
  readonly #consumers = new Set<PullConsumer>();
  #connected = true;

  constructor(connection: NatsConnection, manager: JetStreamManager, options: NatsOptions) {
    this.#connection = connection;
    this.#manager = manager;
    this.#stream = connection.jetstream({ timeout: apiTimeoutMs });
    this.#log = options.log;
    this.#replicas = options.replicas ?? 1;
    void this.#watchStatus();
  }

  get connected(): boolean {
    return this.#connected;
  }

  publish(subject: string, json: unknown): void {
    this.#connection.publish(subject, encodeJson(json));
  }

  async request(subject: string, json: unknown, options: { readonly timeoutMs: number }): Promise<unknown> {
    try {
      const answer = await this.#connection.request(subject, encodeJson(json), { timeout: options.timeoutMs });
      return decodeJson(answer.data);
    } catch (error) {
      throw fail('nats-request', `${subject}: ${reasonOf(error)}`, { cause: error });
    }
  }

  subscribe(subject: string, handler: MessageHandler): Stoppable {
    const subscription = this.#connection.subscribe(subject, {
      callback: (error, message) => {
        if (error) this.#log.error({ err: error, subject }, 'a NATS subscription failed');
        else void this.#handle(message, handler);
      },
    });
    return { stop: () => end(subscription) };
  }

  flush(): Promise<void> {
    return this.#connection.flush();
  }

  newInbox(): string {
    return createInbox(connectionSettings.inboxPrefix);
  }

  async publishStream(
    subject: string,
    json: unknown,
    options: { readonly id: string; readonly headers?: Readonly<Record<string, string>>; readonly timeoutMs?: number },
  ): Promise<{ readonly seq: number; readonly duplicate: boolean }> {
    const headers = createHeaders();
    for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, value);
    try {
      const ack = await this.#stream.publish(subject, encodeJson(json), {
        msgID: options.id,
        headers,
        timeout: options.timeoutMs ?? apiTimeoutMs,
      });
      return { seq: ack.seq, duplicate: ack.duplicate };
    } catch (error) {
      const code = isLimit(error) ? 'nats-limit' : 'nats-publish';
      throw fail(code, `${subject} ${options.id}: ${reasonOf(error)}`, { cause: error });
    }
  }

  async ensureStream(): Promise<StreamState> {
    const config = {
      name: streamName,
      subjects: [...streamSubjects],
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.Old,
      max_bytes: streamMaxBytes,
      max_age: streamMaxAgeMs * nanosPerMs,
      duplicate_window: duplicateWindowMs * nanosPerMs,
      num_replicas: this.#replicas,
      allow_rollup_hdrs: true,
    };
    try {
      const info = await this.#manager.streams.add(config).catch(async (error: unknown) => {
        if (isNotFoundOrTaken(error)) return this.#manager.streams.update(streamName, config);
        throw error;
      });
      return { created: info.created, firstSeq: info.state.first_seq, lastSeq: info.state.last_seq };
    } catch (error) {
      throw fail(isLimit(error) ? 'nats-limit' : 'nats-stream', `${streamName}: ${reasonOf(error)}`, { cause: error });
    }
  }

  async storeFault(): Promise<string | undefined> {
    try {
      // Takes nothing away; the store gives the error that it keeps before it looks for what to take.
      await this.#manager.streams.purge(streamName, { filter: unusedSubject });
      return undefined;
    } catch (error) {
      return storeFaultOf(error);
    }
  }

  async storedAt(seq: number): Promise<string | null> {
    try {
      const { timestamp } = await this.#manager.streams.getMessage(streamName, { seq });
      return storedAtOf(timestamp);
    } catch (error) {
      if (isNoMessage(error)) return null;
      throw fail('nats-stream', `${streamName}: ${reasonOf(error)}`, { cause: error });
    }
  }

  async readMemory(): Promise<ReaderMemory | undefined> {
    try {
      return decodeMemory(await this.#manager.consumers.info(streamName, consumerName));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw fail('nats-stream', `${consumerName}: ${reasonOf(error)}`, { cause: error });
    }
  }

  consume(options: ConsumeOptions): Stoppable {
    const consumer: PullConsumer = new PullConsumer(options, this.#log, {
      open: (behind, expected, memory) => this.#createConsumer(behind, options.batchMax, expected, memory),
      subscribe: (events) => this.#subscribePull(events),
      ack: (reply) => this.#connection.publish(reply),
    });
    this.#consumers.add(consumer);
    return {
      stop: async () => {
        this.#consumers.delete(consumer);
        await consumer.stop();
      },
    };
  }

  onStatus(callback: (status: 'connected' | 'disconnected') => void): () => void {
    this.#listeners.add(callback);
    return () => {
      this.#listeners.delete(callback);
    };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    this.#consumers.clear();
    if (this.#connection.isClosed()) return;
    // Draining sends what was published; it cannot work while there is no server.
    if (this.#connected) {
      await Promise.race([this.#connection.drain(), pause(1000)]).catch(() => undefined);
    }
    await this.#connection.close();
  }

  /** Makes the consumer anew each time, so that its position is ours and never the memory of an earlier run. */
  async #createConsumer(
    behind: StreamPlace,
    batchMax: number,
    expected: string | undefined,
    memory: ReaderMemory,
  ): Promise<string> {
    const { created, state } = await this.#manager.streams.info(streamName).catch((error: unknown) => {
      throw isMissing(error) ? new StreamLostError('the stream is gone') : error;
    });
    if (expected !== undefined && expected !== created) throw new StreamLostError('the stream was made anew');
    if (state.last_seq < behind.seq) throw new StreamLostError('the stream lost its newest messages');
    const there = behind.storedAt === null ? null : await this.storedAt(behind.seq);
    if (there !== null && there !== behind.storedAt) throw new StreamLostError('the stream is an older copy');
    await this.#manager.consumers.delete(streamName, consumerName).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
    await this.#manager.consumers.add(streamName, {
      durable_name: consumerName,
      ack_policy: AckPolicy.All,
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: behind.seq + 1,
      // A redelivery by time would only double what is still being worked on: positions are restored by making it anew.
      ack_wait: ackWaitMs * nanosPerMs,
      max_ack_pending: batchMax * 8,
      max_deliver: -1,
      metadata: encodeMemory(memory),
    });
    return created;
  }

  #subscribePull(events: PullEvents): { pull: (request: object) => void; stop: () => void } {
    const inbox = this.newInbox();
    const subscription = this.#connection.subscribe(inbox, {
      callback: (error, message) => {
        if (error) events.onStatus(500, error.message, 0);
        else if (message.subject === inbox) {
          const pending = Number(message.headers?.get('Nats-Pending-Messages') ?? 0);
          events.onStatus(message.headers?.code ?? 0, message.headers?.description ?? '', pending);
        } else events.onMessage(toPulled(message));
      },
    });
    return {
      pull: (request) => {
        const subject = `$JS.API.CONSUMER.MSG.NEXT.${streamName}.${consumerName}`;
        this.#connection.publish(subject, encodeJson(request), { reply: inbox });
      },
      stop: () => subscription.unsubscribe(),
    };
  }

  async #handle(message: Msg, handler: MessageHandler): Promise<void> {
    try {
      const reply = message.reply ? (answer: unknown) => void message.respond(encodeJson(answer)) : undefined;
      await handler(decodeJson(message.data), reply, message.subject);
    } catch (error) {
      this.#log.error({ err: error, subject: message.subject }, 'a NATS message was not handled');
    }
  }

  async #watchStatus(): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === Events.Disconnect) this.#changed(false);
      else if (status.type === Events.Reconnect) this.#changed(true);
    }
    // Ends only when the connection is closed, by us or by a fault that the library does not mend.
    const error = await this.#connection.closed();
    if (error) this.#log.error({ err: error }, 'the NATS connection was closed for good');
  }

  #changed(connected: boolean): void {
    if (this.#connected === connected) return;
    this.#connected = connected;
    this.#log[connected ? 'info' : 'warn'](connected ? 'NATS is connected again' : 'NATS is disconnected');
    for (const consumer of this.#consumers) consumer.connection(connected);
    for (const listener of this.#listeners) listener(connected ? 'connected' : 'disconnected');
  }
}

async function connectUntil(options: NatsOptions): Promise<NatsConnection> {
  const servers = serversOf(options.url, options.token);
  for (let attempt = 0; ; attempt++) {
    try {
      return await connect({
        ...servers,
        ...(options.credentials === undefined
          ? {}
          : { authenticator: credsAuthenticator(new TextEncoder().encode(options.credentials)) }),
        ...connectionSettings,
        name: options.name,
      });
    } catch (error) {
      const problem = fail('nats-unreachable', reasonOf(error), { cause: error });
      if (attempt === 0) options.log.warn({ err: problem }, 'waiting for NATS');
      await pause(backoff(attempt, { minMs: 50, maxMs: 2000 }), options.signal);
      if (options.signal?.aborted) throw problem;
    }
  }
}

async function managerOf(connection: NatsConnection): Promise<JetStreamManager> {
  try {
    // Without the check: JetStream may be up later than the connection.
    return await connection.jetstreamManager({ checkAPI: false, timeout: apiTimeoutMs });
  } catch (error) {
    throw fail('nats-stream', reasonOf(error), { cause: error });
  }
}

function toPulled(message: Msg): Parameters<PullEvents['onMessage']>[0] {
  const reply = message.reply ?? '';
  const { seq, deliveries, storedAt } = parseAckSubject(reply);
  const headers: Record<string, string> = {};
  for (const name of message.headers?.keys() ?? []) headers[name] = message.headers?.get(name) ?? '';
  const { subject, data } = message;
  return { reply, message: { seq, storedAt, subject, data, headers, redelivered: deliveries > 1 } };
}

function end(subscription: Subscription): Promise<void> {
  subscription.unsubscribe();
  return Promise.resolve();
}
