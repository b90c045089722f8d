// Holds one node's WebSocket: what is read is bounded and parsed, what is sent waits while the socket is congested.
//
//   greeting ──hello──▶ admitting (what it needs is loaded) ──▶ open ──▶ closed
import type { RawData, WebSocket } from 'ws';
import type { HubOutput, HubSession } from '#libs/protocol/hub-session.ts';
import {
  type Held,
  type Hello,
  type NodeMessage,
  type SnapshotMessage,
  closeCodes,
  protocolVersion,
} from '#libs/protocol/messages.ts';
import { parseNodeMessage } from '#libs/protocol/parse-node-message.ts';
import { emptyDigest } from '#libs/snapshot/digest.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { FleetMirror } from './fleet-mirror.ts';
import type { HubMetrics } from './hub-metrics.ts';
import type { NodeReports } from './node-reports.ts';
import type { BeatRow } from './node-rows.ts';

/** What a connection uses of its hub. */
export interface ConnectionContext {
  readonly mirror: FleetMirror;
  readonly reports: NodeReports;
  readonly metrics: HubMetrics;
  readonly log: Logger;
  /** Loads what the node needs and makes its session; undefined = the connection ended meanwhile. */
  admit(connection: Connection, hello: Hello): Promise<void>;
  closed(connection: Connection): void;
  /** The node said that it has ended. */
  left(connection: Connection): void;
  envoyChanged(): void;
}

const helloTimeoutMs = 10_000;
const silentMaxMs = 30_000;
const congestedAbove = 1024 * 1024;
const drainedBelow = 64 * 1024;
const congestedMaxMs = 60_000;
const waitingMax = 10_000;
const messagesPerSecond = 500;
const messagesBurst = 5000;
const pong = Buffer.from('{"type":"pong"}');

export class Connection {
  readonly #socket: WebSocket;
  readonly #context: ConnectionContext;
  readonly #waiting: NodeMessage[] = [];
  #hello: Hello | null = null;
  #session: HubSession | null = null;
  #envoy: BeatRow['envoy'] = 'unknown';
  #heardAt = performance.now();
  #congestedAt: number | null = null;
  #allowance = messagesBurst;
  #allowanceAt = performance.now();
  #isClosed = false;

  constructor(socket: WebSocket, context: ConnectionContext) {
    this.#socket = socket;
    this.#context = context;
    const late = setTimeout(() => {
      if (this.#hello === null) this.close(closeCodes.badMessage, 'no hello in time');
    }, helloTimeoutMs);
    socket.on('message', (data, isBinary) => this.#read(data, isBinary));
    socket.on('error', (error) => context.log.debug({ err: error, node: this.node }, 'a node connection failed'));
    socket.on('close', () => {
      clearTimeout(late);
      this.#isClosed = true;
      context.closed(this);
    });
  }

  /** Empty until hello. */
  get node(): string {
    return this.#hello?.node ?? '';
  }

  get hello(): Hello | null {
    return this.#hello;
  }

  get session(): HubSession | null {
    return this.#session;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get beat(): BeatRow {
    return { node: this.node, silentMs: performance.now() - this.#heardAt, envoy: this.#envoy };
  }

  /** Lets the session take over; it answers now what came while it was made. */
  open(session: HubSession, first: readonly HubOutput[]): void {
    this.#session = session;
    this.run(first);
    for (const message of this.#waiting.splice(0)) this.#receive(message);
  }

  /** Carries out what the session says. */
  run(outputs: readonly HubOutput[]): void {
    for (const output of outputs) this.#perform(output);
  }

  /** Ends it when the node has been silent, or has not read, for too long. */
  check(): void {
    const now = performance.now();
    if (now - this.#heardAt > silentMaxMs) this.terminate('silent');
    else if (this.#congestedAt !== null && now - this.#congestedAt > congestedMaxMs) this.terminate('does not read');
  }

  close(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#context.log.info({ node: this.node, code, reason }, 'closing a node connection');
    this.#socket.close(code, reason.slice(0, 120));
  }

  terminate(reason: string): void {
    this.#context.log.warn({ node: this.node, reason }, 'ending a node connection');
    this.#socket.terminate();
  }

  #read(data: RawData, isBinary: boolean): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#heardAt = performance.now();
    if (!this.#allow()) return this.close(1008, 'too many messages');
    if (isBinary) return this.close(closeCodes.badMessage, 'messages are text');
    const parsed = parseNodeMessage(textOf(data));
    if (!parsed.ok) return this.close(closeCodes.badMessage, parsed.problems.join('; '));
    const { message } = parsed;
    this.#context.metrics.received.inc({ type: message.type });
    if (this.#session !== null) this.#receive(message);
    else if (this.#hello === null) this.#greet(message);
    else if (this.#waiting.push(message) > waitingMax) this.close(1008, 'too many messages');
  }

  #greet(message: NodeMessage): void {
    if (message.type !== 'hello') return this.close(closeCodes.badMessage, 'the first message is hello');
    if (message.protocol !== protocolVersion) {
      return this.close(closeCodes.protocolVersion, `this hub speaks protocol ${protocolVersion}`);
    }
    this.#hello = message;
    this.#context.admit(this, message).catch((error: unknown) => {
      this.#context.log.warn({ err: error, node: message.node }, 'a node could not be admitted');
      this.close(1013, 'try again');
    });
  }

  #receive(message: NodeMessage): void {
    if (message.type === 'hello') return this.close(closeCodes.badMessage, 'hello comes once');
    if (message.type === 'goodbye') return this.#context.left(this);
    if (message.type === 'ping' && message.envoy !== this.#envoy) {
      this.#envoy = message.envoy;
      this.#context.envoyChanged();
    }
    if (this.#session !== null) this.run(this.#session.receive(message));
  }

  #perform(output: HubOutput): void {
    const { mirror, reports, metrics } = this.#context;
    switch (output.type) {
      case 'snapshot': {
        const { base, target } = output;
        const isEmpty = base === null && target.digest === emptyDigest;
        const text = isEmpty ? emptySnapshot(target) : mirror.snapshotMessage(target.gateway, base);
        if (text === undefined) return;
        metrics.snapshots.inc({ form: base === null ? 'full' : 'delta' });
        return this.#send(text, 'snapshot');
      }
      case 'discovery':
        return this.#send(mirror.discoveryMessage(output.upserts, output.removes), 'discovery');
      case 'pong':
        return this.#send(pong, 'pong');
      case 'report':
        metrics.reports.inc({ kind: output.report.kind });
        return reports.report(this.node, output.report);
    }
  }

  #send(text: Buffer, kind: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#context.metrics.sentBytes.inc({ kind }, text.length);
    this.#socket.send(text, { binary: false }, () => this.#sent());
    if (this.#congestedAt !== null || this.#socket.bufferedAmount < congestedAbove) return;
    this.#congestedAt = performance.now();
    this.#context.metrics.congestions.inc();
    this.#session?.congested();
  }

  #sent(): void {
    if (this.#congestedAt === null || this.#socket.bufferedAmount > drainedBelow) return;
    this.#congestedAt = null;
    if (this.#session !== null) this.run(this.#session.drained());
  }

  #allow(): boolean {
    const now = performance.now();
    const earned = ((now - this.#allowanceAt) / 1000) * messagesPerSecond;
    this.#allowance = Math.min(messagesBurst, this.#allowance + earned) - 1;
    this.#allowanceAt = now;
    return this.#allowance >= 0;
  }
}

/** Writes the snapshot without entries; it needs no content, because a gateway that left the node has none here. */
function emptySnapshot({ gateway, version, digest }: Held): Buffer {
  const message: SnapshotMessage = { type: 'snapshot', gateway, version, digest, base: null, upserts: [], removes: [] };
  return Buffer.from(JSON.stringify(message));
}

function textOf(data: RawData): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return data instanceof ArrayBuffer ? Buffer.from(data).toString('utf8') : data.toString('utf8');
}
