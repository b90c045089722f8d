// The incremental ADS server of one node: tables of resources, and one Envoy that follows them over a Unix socket.
// A stream that returns says what it holds, and gets only what differs. Who waits for Envoy asks `isInForce` after each `progress`.
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import {
  decodeDeltaRequest,
  deltaMethod,
  encodeDeltaResponse,
  encodeResource,
  type DeltaRequest,
} from '#libs/xds/encode.ts';
import { typeUrlOf, xdsTypeOf, xdsTypes, type XdsResource, type XdsType } from '#libs/xds/resources.ts';
import { DeltaSubscription, type WireResource } from './delta-subscription.ts';

/** What happens on the stream, as it happens. */
export interface AdsEvents {
  connected(): void;
  disconnected(): void;
  /** Envoy answered: something may be in force that was not. */
  progress(): void;
  /** Envoy did not take these resources. */
  refused(type: XdsType, names: readonly string[], reason: string): void;
  /** For figures. */
  sent(type: XdsType, resources: number, bytes: number): void;
}

interface Stream {
  readonly call: ServerDuplexStream<DeltaRequest, Uint8Array>;
  readonly subscriptions: ReadonlyMap<XdsType, DeltaSubscription>;
  /** The socket has more to send than it should. */
  full: boolean;
}

/** A hello with 100,000 names of 100 bytes fits. */
const requestBytesMax = 64 * 1024 * 1024;
const pingIntervalMs = 10_000;

export class AdsServer {
  readonly #tables: ReadonlyMap<XdsType, Map<string, WireResource>>;
  readonly #events: AdsEvents;
  readonly #log: Logger;
  /** Endpoints name of each cluster that has one. */
  readonly #endpointsOf = new Map<string, string>();
  #stream: Stream | null = null;
  #server: Server | null = null;

  constructor(events: AdsEvents, log: Logger) {
    this.#tables = new Map(xdsTypes.map(({ type }) => [type, new Map<string, WireResource>()]));
    this.#events = events;
    this.#log = log;
  }

  /** Listens; a socket file that an earlier process left is replaced. */
  async listen(socketPath: string): Promise<void> {
    rmSync(socketPath, { force: true });
    const server = new Server({
      'grpc.max_receive_message_length': requestBytesMax,
      'grpc.keepalive_time_ms': pingIntervalMs,
      'grpc.keepalive_timeout_ms': pingIntervalMs,
    });
    server.addService(
      {
        delta: {
          path: deltaMethod,
          requestStream: true,
          responseStream: true,
          requestSerialize: () => Buffer.alloc(0),
          requestDeserialize: decodeDeltaRequest,
          responseSerialize: (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
          responseDeserialize: (bytes: Buffer) => bytes,
        },
      },
      { delta: (call: ServerDuplexStream<DeltaRequest, Uint8Array>) => this.#accept(call) },
    );
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

  /** Whether an Envoy is connected. */
  get connected(): boolean {
    return this.#stream !== null;
  }

  /** Puts resources into the tables. They are sent with the next `flush`. Throws for what cannot be encoded. */
  set(resources: Iterable<XdsResource>): void {
    for (const resource of resources) {
      const { type, name } = resource;
      const wire = toWire(resource);
      const table = this.#tables.get(type);
      if (table?.get(name)?.version === wire.version) continue;
      table?.set(name, wire);
      if (type === 'cluster') this.#noteEndpoints(resource);
      this.#stream?.subscriptions.get(type)?.changed([name]);
    }
  }

  /** Takes names out of one table. They are removed from Envoy with the next `flush`. */
  remove(type: XdsType, names: Iterable<string>): void {
    for (const name of names) {
      if (!this.#tables.get(type)?.delete(name)) continue;
      if (type === 'cluster') this.#endpointsOf.delete(name);
      this.#stream?.subscriptions.get(type)?.changed([name]);
    }
  }

  /** Sends what changed: per type at most one response is on its way. */
  flush(): void {
    const stream = this.#stream;
    if (stream === null) return;
    for (const [type, subscription] of stream.subscriptions) {
      if (stream.full) return;
      const response = subscription.next();
      if (response === null) continue;
      const bytes = encodeDeltaResponse({ typeUrl: typeUrlOf(type), ...response });
      this.#events.sent(type, response.resources.length + response.removed.length, bytes.length);
      stream.full = !stream.call.write(bytes);
    }
  }

  /** Whether Envoy holds what the table says of every name. Endpoints and secrets that Envoy did not name count as in force. */
  isInForce(type: XdsType, names: Iterable<string>): boolean {
    const subscription = this.#stream?.subscriptions.get(type);
    if (subscription === undefined) return false;
    const byName = type === 'endpoints' || type === 'secret';
    for (const name of names) {
      if (byName && !subscription.isNamed(name)) continue;
      if (!subscription.isInForce(name)) return false;
    }
    return true;
  }

  /** Whether Envoy named the endpoints of all these clusters. */
  areEndpointsNamed(clusters: Iterable<string>): boolean {
    const subscription = this.#stream?.subscriptions.get('endpoints');
    for (const cluster of clusters) {
      const endpoints = this.#endpointsOf.get(cluster);
      if (endpoints !== undefined && subscription?.isNamed(endpoints) !== true) return false;
    }
    return true;
  }

  /** Number of resources in a table. */
  size(type: XdsType): number {
    return this.#tables.get(type)?.size ?? 0;
  }

  /** Version of a resource in a table. */
  versionOf(type: XdsType, name: string): string | undefined {
    return this.#tables.get(type)?.get(name)?.version;
  }

  /** Ends the stream: Envoy connects again and states what it holds. */
  reset(): void {
    this.#stream?.call.end();
  }

  #accept(call: ServerDuplexStream<DeltaRequest, Uint8Array>): void {
    const subscriptions = new Map<XdsType, DeltaSubscription>();
    for (const { type } of xdsTypes) subscriptions.set(type, this.#subscription(type));
    const stream: Stream = { call, subscriptions, full: false };
    const previous = this.#stream;
    this.#stream = stream;
    previous?.call.end();
    if (previous !== null) this.#events.disconnected();

    call.on('data', (request: DeltaRequest) => this.#receive(stream, request));
    call.on('drain', () => {
      stream.full = false;
      if (this.#stream === stream) this.flush();
    });
    call.on('error', (error) => this.#log.debug({ err: error }, 'ADS stream failed'));
    call.on('end', () => call.end());
    call.on('close', () => this.#left(stream));
    call.on('cancelled', () => this.#left(stream));
    this.#events.connected();
  }

  #left(stream: Stream): void {
    if (this.#stream !== stream) return;
    this.#stream = null;
    this.#events.disconnected();
  }

  #subscription(type: XdsType): DeltaSubscription {
    const table = this.#tables.get(type) ?? new Map<string, WireResource>();
    if (type === 'endpoints') return new DeltaSubscription(table, { wildcard: false, absent: emptyAssignment });
    return new DeltaSubscription(table, { wildcard: type !== 'secret' });
  }

  #receive(stream: Stream, request: DeltaRequest): void {
    if (this.#stream !== stream) return;
    const type = xdsTypeOf(request.typeUrl);
    const subscription = type === undefined ? undefined : stream.subscriptions.get(type);
    if (type === undefined || subscription === undefined) {
      this.#log.debug({ typeUrl: request.typeUrl }, 'Envoy asks for a type that is not served');
      return;
    }
    const answer = subscription.receive(request);
    if (answer !== undefined && type === 'cluster') this.#warmEndpoints(stream, answer.sent);
    if (answer?.error !== undefined) this.#events.refused(type, [...answer.sent.keys()], answer.error);
    // What the answer sets off (the next wave, or the way back) comes before what is sent next.
    this.#events.progress();
    queueMicrotask(() => this.flush());
  }

  /** A cluster that is replaced warms anew and waits for its endpoints, which Envoy does not always ask for again. */
  #warmEndpoints(stream: Stream, clusters: ReadonlyMap<string, string>): void {
    const endpoints = [...clusters.keys()].flatMap((cluster) => this.#endpointsOf.get(cluster) ?? []);
    stream.subscriptions.get('endpoints')?.resend(endpoints);
  }

  #noteEndpoints({ name, message }: XdsResource): void {
    const source = message['eds_cluster_config'];
    if (typeof source !== 'object' || source === null) {
      this.#endpointsOf.delete(name);
      return;
    }
    const service = 'service_name' in source ? source['service_name'] : undefined;
    this.#endpointsOf.set(name, typeof service === 'string' && service !== '' ? service : name);
  }
}

function toWire(resource: XdsResource): WireResource {
  const body = encodeResource(resource);
  return { name: resource.name, version: createHash('sha256').update(body).digest('hex').slice(0, 16), body };
}

function emptyAssignment(name: string): WireResource {
  return toWire({ type: 'endpoints', name, message: { cluster_name: name } });
}
