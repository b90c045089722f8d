// Serves incremental ADS on a Unix socket to the one Envoy of a node. A stream that returns says what it holds, and
// gets only what differs. Who waits for Envoy asks `isInForce` after each `progress`.
import { rmSync } from 'node:fs';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { decodeDeltaRequest, deltaMethod, type DeltaRequest } from '#libs/xds/encode/encode.ts';
import type { XdsResource, XdsType } from '#libs/xds/envoy/resources.ts';
import { AdsStream, type AdsStreamEvents } from './ads-stream.ts';
import { AdsTables } from './ads-tables.ts';

interface AdsEvents extends AdsStreamEvents {
  connected(): void;
  disconnected(): void;
}

type Call = ServerDuplexStream<DeltaRequest, Uint8Array>;

/** A request that names 100,000 resources fits. */
const requestBytesMax = 64 * 1024 * 1024;
const keepaliveMs = 10_000;

export class AdsServer {
  readonly #tables = new AdsTables();
  readonly #events: AdsEvents;
  readonly #log: Logger;
  #current: { readonly call: Call; readonly stream: AdsStream } | null = null;
  #server: Server | null = null;

  constructor(events: AdsEvents, log: Logger) {
    this.#events = events;
    this.#log = log;
  }

  /** Listens; a socket file that an earlier process left is replaced. */
  async listen(socketPath: string): Promise<void> {
    rmSync(socketPath, { force: true });
    const server = new Server({
      'grpc.max_receive_message_length': requestBytesMax,
      'grpc.keepalive_time_ms': keepaliveMs,
      'grpc.keepalive_timeout_ms': keepaliveMs,
    });
    const delta = {
      path: deltaMethod,
      requestStream: true,
      responseStream: true,
      requestSerialize: () => Buffer.alloc(0),
      requestDeserialize: decodeDeltaRequest,
      responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      responseDeserialize: (bytes: Buffer) => bytes,
    };
    server.addService({ delta }, { delta: (call: Call) => this.#accept(call) });
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) => {
        if (error === null) resolve();
        else reject(fail('envoy-start', `no ADS on ${socketPath} (${messageOf(error)})`, { cause: error }));
      });
    });
    this.#server = server;
  }

  /** Ends the stream and stops listening; Envoy keeps what it has. */
  close(): void {
    this.#server?.forceShutdown();
    this.#server = null;
  }

  /** Tells whether an Envoy is connected. */
  get connected(): boolean {
    return this.#current !== null;
  }

  /** Shows what Envoy should have; `set` and `remove` change it. */
  get tables(): AdsTables {
    return this.#tables;
  }

  /** Puts resources into the tables; `flush` sends them. Throws for what cannot be encoded: then none is in. */
  set(resources: Iterable<XdsResource>): void {
    for (const { type, name } of this.#tables.set(resources)) this.#current?.stream.changed(type, name);
  }

  /** Takes names out of the tables; `flush` removes them from Envoy. */
  remove(removes: Iterable<{ readonly type: XdsType; readonly name: string }>): void {
    for (const { type, name } of removes)
      if (this.#tables.remove(type, name)) this.#current?.stream.changed(type, name);
  }

  /** Sends what changed, in the order that breaks nothing. */
  flush(): void {
    this.#current?.stream.flush();
  }

  /** Lets what comes later go on without what Envoy refused or waits for. */
  giveUp(): void {
    this.#current?.stream.giveUp();
  }

  /**
   * Tells whether Envoy holds what the tables say of each name; endpoints and secrets that it did not ask for count.
   */
  isInForce(type: XdsType, names: Iterable<string>): boolean {
    return this.#current?.stream.isInForce(type, names) ?? false;
  }

  /** Ends the stream: Envoy connects again and states what it holds. */
  reset(): void {
    this.#current?.call.end();
  }

  #accept(call: Call): void {
    const stream = new AdsStream(this.#tables, this.#events, (bytes) => call.write(bytes));
    const previous = this.#current;
    this.#current = { call, stream };
    if (previous !== null) {
      previous.call.end();
      this.#events.disconnected();
    }
    const isCurrent = (): boolean => this.#current?.call === call;
    const left = (): void => {
      if (!isCurrent()) return;
      this.#current = null;
      this.#events.disconnected();
    };
    call.on('data', (request: DeltaRequest) => {
      if (isCurrent()) stream.receive(request);
    });
    call.on('drain', () => {
      if (isCurrent()) stream.drained();
    });
    call.on('error', (error) => this.#log.debug({ err: error }, 'ADS stream failed'));
    call.on('end', () => call.end());
    call.on('close', left);
    call.on('cancelled', left);
    this.#events.connected();
  }
}
