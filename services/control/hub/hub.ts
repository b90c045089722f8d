// Stands between nodes and Postgres: it knows who is connected, who serves what, and who has to hear of a change.
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type pg from 'pg';
import { type WebSocket, WebSocketServer } from 'ws';
import { type HubOutput, HubSession } from '#libs/protocol/hub-session.ts';
import { type Hello, closeCodes } from '#libs/protocol/messages.ts';
import { heartbeatEveryMs } from '#libs/protocol/silence.ts';
import { nodeMessageLengthMax } from '#libs/protocol/parse-node-message.ts';
import { globOf, matchesGateway, matchesGlob, mayServe } from '#libs/snapshot/gateway-glob.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { pause } from '#libs/runtime/pause.ts';
import type { TokenScope } from '#libs/runtime/scoped-token.ts';
import { Connection, type ConnectionContext } from './connection.ts';
import type { FleetChange, FleetMirror } from './fleet-mirror.ts';
import type { HubMetrics } from './hub-metrics.ts';
import type { NodeReports } from './node-reports.ts';
import { forgetSilentNodes } from './node-departures.ts';
import { beatNodes, sweepNodes } from './node-rows.ts';

interface HubOptions {
  readonly pool: pg.Pool;
  readonly mirror: FleetMirror;
  readonly reports: NodeReports;
  readonly metrics: HubMetrics;
  readonly log: Logger;
  /** Names this process among all that write `nodes`. */
  readonly replica: string;
  /** How long a silent node counts. */
  readonly forgetNodesAfterMs: number;
  /** Whether a connection may still go on, by the id of the token that it came with. */
  readonly isValid: (tokenId: string) => Promise<boolean>;
}

/** The token that a node came with. */
interface NodeCaller {
  readonly tokenId: string;
  /** Absent = it may serve anything. */
  readonly scope?: TokenScope | undefined;
}

const nodesMax = 5000;
const admissionsMax = 32;
const closeWaitMs = 2000;

export class Hub {
  readonly #options: HubOptions;
  readonly #server = new WebSocketServer({
    noServer: true,
    maxPayload: nodeMessageLengthMax,
    perMessageDeflate: false,
  });
  readonly #connections = new Map<Connection, NodeCaller>();
  readonly #byNode = new Map<string, Connection>();
  readonly #byGateway = new Map<string, Set<Connection>>();
  readonly #context: ConnectionContext;
  readonly #timer: NodeJS.Timeout;
  /** Contents that could not be loaded; tried again with each beat. */
  readonly #missing = new Set<string>();
  #admitting = 0;
  readonly #queue: (() => void)[] = [];
  #beating: Promise<void> | null = null;
  #stopping = false;

  constructor(options: HubOptions) {
    this.#options = options;
    const { mirror, reports, metrics, log } = options;
    this.#context = {
      mirror,
      reports,
      metrics,
      log,
      admit: (connection, hello) => this.#admit(connection, hello),
      closed: (connection) => this.#closed(connection),
      left: (connection) => this.#left(connection),
      envoyChanged: () => void this.#beat(),
    };
    this.#timer = setInterval(() => {
      for (const connection of this.#connections.keys()) connection.check();
      for (const gateway of this.#missing) void this.#reassign(gateway);
      void this.#beat();
    }, heartbeatEveryMs).unref();
  }

  get size(): number {
    return this.#byNode.size;
  }

  /** Takes a connection over whose token was found good. Answers 503 when there are too many. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer, { tokenId, scope }: NodeCaller): void {
    if (this.#stopping || this.#connections.size >= nodesMax) {
      this.#options.metrics.refused.inc({ reason: 'full' });
      socket.end(
        'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\nContent-Length: 0\r\n\r\n',
      );
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket: WebSocket) => {
      this.#connections.set(new Connection(webSocket, this.#context), { tokenId, scope });
    });
  }

  /** Sends what a change of the fleet means for each node. */
  change(change: FleetChange, noticedAt: number): void {
    const { metrics } = this.#options;
    // Discovery first: what a new snapshot needs beyond that goes with the snapshot.
    if (change.discovery.length > 0) {
      for (const connection of this.#byNode.values()) {
        connection.run(connection.session?.discoveryChanged(change.discovery) ?? []);
      }
    }
    for (const { gateway, references } of change.serving) {
      for (const connection of this.#byGateway.get(gateway) ?? []) {
        connection.run(connection.session?.servingChanged(gateway, references) ?? []);
      }
    }
    if (change.serving.length > 0) metrics.noticeToSent.observe((performance.now() - noticedAt) / 1000);
    for (const gateway of change.appeared) void this.#reassign(gateway);
  }

  /** Ends connections whose token was revoked. */
  tokensChanged(): void {
    void this.#checkTokens().catch((error: unknown) =>
      this.#options.log.warn({ err: error }, 'tokens could not be checked'),
    );
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    clearInterval(this.#timer);
    for (const connection of this.#connections.keys()) connection.close(closeCodes.goingAway, 'control is stopping');
    const deadline = performance.now() + closeWaitMs;
    while (this.#connections.size > 0 && performance.now() < deadline) {
      await pause(10);
    }
    for (const connection of this.#connections.keys()) connection.terminate('did not close');
    await this.#beating;
    await this.#options.reports.close();
    this.#server.close();
  }

  async #admit(connection: Connection, hello: Hello): Promise<void> {
    const excess = excessOf(hello, this.#connections.get(connection)?.scope);
    if (excess !== undefined) return connection.close(closeCodes.unauthorized, excess);
    await this.#turn();
    try {
      await this.#prepare(hello);
    } finally {
      this.#admitting -= 1;
      this.#queue.shift()?.();
    }
    if (connection.isClosed || this.#stopping) return;
    this.#byNode.get(hello.node)?.close(closeCodes.replaced, 'the node connected again');
    this.#byNode.set(hello.node, connection);
    this.#options.metrics.nodes.set(this.#byNode.size);
    this.#options.reports.connected(hello);
    this.#options.log.info({ node: hello.node, version: hello.version, serves: hello.serves }, 'a node connected');
    this.#openSession(connection, hello);
  }

  #openSession(connection: Connection, hello: Hello): void {
    const { mirror } = this.#options;
    const session = new HubSession(mirror, hello);
    const gateways = this.#gatewaysOf(hello);
    const loaded = gateways.filter((gateway) => mirror.isLoaded(gateway));
    for (const gateway of loaded) this.#join(connection, gateway);
    connection.open(session, session.start(hello, loaded, this.#withdrawnFrom(hello)));
    for (const gateway of gateways) if (!mirror.isLoaded(gateway)) void this.#reassign(gateway);
  }

  /** Loads the contents of what the node serves, and makes deltas from what it holds possible. */
  async #prepare(hello: Hello): Promise<void> {
    const { mirror, log } = this.#options;
    const gateways = this.#gatewaysOf(hello);
    const loads = await Promise.allSettled(gateways.map((gateway) => mirror.load(gateway)));
    for (const load of loads) {
      if (load.status === 'rejected') log.error({ err: load.reason }, 'a gateway could not be loaded');
    }
    const wanted = new Set(gateways);
    await Promise.all(hello.held.filter(({ gateway }) => wanted.has(gateway)).map((held) => mirror.learn(held)));
  }

  #gatewaysOf(hello: Hello): readonly string[] {
    const held = new Set(hello.held.map(({ gateway }) => gateway));
    return [...this.#options.mirror.gateways(held)].filter((gateway) => this.#isFor(hello, gateway));
  }

  /** Lists what a node holds by its globs and must give up by the labels of the gateways. */
  #withdrawnFrom(hello: Hello): readonly string[] {
    const held = new Set(hello.held.map(({ gateway }) => gateway));
    return [...this.#options.mirror.gateways(held)].filter(
      (gateway) => held.has(gateway) && mayServe(hello.serves, gateway) && !this.#isFor(hello, gateway),
    );
  }

  #isFor(hello: Hello | null, gateway: string): boolean {
    return hello !== null && matchesGateway(hello.serves, gateway, this.#options.mirror.labelsOf(gateway));
  }

  /** Gives a gateway that came up or has other labels to the nodes that it is for, and takes it from the others. */
  async #reassign(gateway: string): Promise<void> {
    const { mirror, log } = this.#options;
    const interested = (connection: Connection): boolean => this.#isFor(connection.hello, gateway);
    this.#missing.delete(gateway);
    for (const connection of this.#byNode.values()) {
      if (connection.session === null || interested(connection)) continue;
      this.#part(connection, gateway);
      connection.run(connection.session.unassign(gateway));
    }
    if (![...this.#byNode.values()].some(interested)) return;
    try {
      await mirror.load(gateway);
    } catch (error) {
      log.error({ err: error, gateway }, 'a gateway could not be loaded');
      this.#missing.add(gateway);
      return;
    }
    if (!mirror.isLoaded(gateway)) return;
    for (const connection of this.#byNode.values()) {
      if (connection.session === null || !interested(connection)) continue;
      this.#join(connection, gateway);
      connection.run(connection.session.assign(gateway));
    }
  }

  #join(connection: Connection, gateway: string): void {
    const connections = this.#byGateway.get(gateway) ?? new Set();
    this.#byGateway.set(gateway, connections.add(connection));
  }

  #part(connection: Connection, gateway: string): void {
    const connections = this.#byGateway.get(gateway);
    connections?.delete(connection);
    if (connections?.size === 0) this.#byGateway.delete(gateway);
  }

  /** A node that has ended in order is forgotten: its connection, which closes, says nothing more. */
  #left(connection: Connection): void {
    if (!this.#forget(connection)) return;
    this.#options.log.info({ node: connection.node }, 'a node said goodbye');
    this.#options.reports.left(connection.node);
  }

  /** Tells whether it was the node's connection until now. */
  #forget(connection: Connection): boolean {
    for (const gateway of connection.session?.gateways() ?? []) this.#part(connection, gateway);
    if (this.#byNode.get(connection.node) !== connection) return false;
    this.#byNode.delete(connection.node);
    this.#options.metrics.nodes.set(this.#byNode.size);
    return true;
  }

  #closed(connection: Connection): void {
    this.#connections.delete(connection);
    if (!this.#forget(connection)) return;
    this.#options.log.info({ node: connection.node }, 'a node disconnected');
    // When this replica stops, its nodes go to another one at once: their silence is told by its length, not by this.
    if (!this.#stopping) this.#options.reports.disconnected(connection.node);
  }

  async #turn(): Promise<void> {
    if (this.#admitting >= admissionsMax) await new Promise<void>((resolve) => this.#queue.push(resolve));
    this.#admitting += 1;
  }

  #beat(): Promise<void> {
    this.#beating ??= this.#beatOnce()
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'nodes could not be marked as alive'))
      .finally(() => {
        this.#beating = null;
      });
    return this.#beating;
  }

  async #beatOnce(): Promise<void> {
    const { pool, replica, mirror, metrics, log, reports, forgetNodesAfterMs } = this.#options;
    await this.#checkTokens();
    await reports.settled();
    const { elsewhere, unknown } = await beatNodes(
      pool,
      replica,
      [...this.#byNode.values()].map(({ beat }) => beat),
    );
    for (const node of elsewhere) this.#byNode.get(node)?.close(closeCodes.replaced, 'the node connected elsewhere');
    for (const node of unknown) this.#sayAgain(this.#byNode.get(node));
    const silent = await sweepNodes(pool);
    const forgotten = await forgetSilentNodes(pool, forgetNodesAfterMs);
    if (forgotten.length > 0)
      log.warn({ nodes: forgotten.slice(0, 20), count: forgotten.length }, 'nodes are forgotten');
    if (silent.length > 0) log.warn({ nodes: silent.slice(0, 20), count: silent.length }, 'nodes are silent');
    mirror.forgetIdle(new Set(this.#byGateway.keys()));
    metrics.entries.set(mirror.sizes.entries);
  }

  /** Stores again what a connected node said whose row is gone, as after a restore of the database. */
  #sayAgain(connection: Connection | undefined): void {
    if (connection?.hello === null || connection?.session == null) return;
    this.#options.reports.connected(connection.hello);
    const report: HubOutput = { type: 'report', report: { kind: 'holds', held: connection.session.held() } };
    connection.run([report]);
  }

  async #checkTokens(): Promise<void> {
    const ids = new Set([...this.#connections.values()].map(({ tokenId }) => tokenId));
    for (const id of ids) {
      if (await this.#options.isValid(id)) continue;
      for (const [connection, { tokenId }] of this.#connections) {
        if (tokenId === id) connection.close(closeCodes.unauthorized, 'the token was revoked');
      }
    }
  }
}

/**
 * Tells what a hello says beyond the scope of the node's token; undefined = nothing. A glob is within another when that
 * one matches it as text; a selector only narrows.
 */
function excessOf({ node, serves }: Hello, scope: TokenScope | undefined): string | undefined {
  if (scope === undefined) return undefined;
  if (!matchesGlob(scope.node, node)) return `the token is not for a node of the name ${node}`;
  const beyond = serves.find((item) => !scope.serves.some((glob) => matchesGlob(glob, globOf(item))));
  return beyond === undefined ? undefined : `the token does not let a node serve ${beyond}`;
}
