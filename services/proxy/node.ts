// Runs the work of one node: messages of the hub go through the session, and what it decides is activated, saved and
// reported, in this order.
import { performance } from 'node:perf_hooks';
import type { Logger } from '#libs/runtime/log.ts';
import type { DiscoveryMessage, HubMessage, NodeMessage } from '#libs/protocol/messages.ts';
import type { Activation, Effect, NodeSession } from '#libs/protocol/node-session.ts';
import type { DataPlane } from './data-plane.ts';
import type { LastGood } from './last-good/last-good.ts';
import { type OpenDiscovery, openAll } from './node-keys.ts';
import type { ProxyMetrics } from './proxy-metrics.ts';

interface NodeOptions {
  readonly session: NodeSession;
  readonly plane: Pick<DataPlane, 'activate' | 'discover'>;
  readonly lastGood: LastGood;
  readonly open: OpenDiscovery;
  readonly metrics: ProxyMetrics;
  readonly log: Logger;
  readonly send: (message: NodeMessage) => void;
  /** Says whether messages should wait because too many are not dealt with yet. */
  readonly onBacklog: (state: 'full' | 'empty') => void;
  readonly envoyState: () => 'live' | 'down';
}

const backlogMax = 100;
const pingIntervalMs = 10_000;
/** How late discovery is written at most; a snapshot that needs it is written behind it. */
const discoverySaveMs = 200;
/** How long after a failure the disk is tried again. */
const saveAgainMs = 5000;

export class Node {
  readonly #options: NodeOptions;
  readonly #backlog: HubMessage[] = [];
  #dealing = false;
  /** The hub answered a hello: if nothing is held now, there is nothing to serve. */
  #answered = false;
  #stopping = false;
  #pings: NodeJS.Timeout | undefined;
  #save: NodeJS.Timeout | undefined;

  constructor(options: NodeOptions) {
    this.#options = options;
  }

  /** Says hello to a hub, and pings it from now on. */
  hello(): void {
    this.#options.send(this.#options.session.hello());
    this.ping();
    clearInterval(this.#pings);
    this.#pings = setInterval(() => this.ping(), pingIntervalMs);
  }

  ping(): void {
    this.#options.send(this.#options.session.ping(this.#options.envoyState()));
  }

  /** Stops pinging: the connection ended. */
  left(): void {
    clearInterval(this.#pings);
  }

  /** Takes nothing new any more, while Envoy ends; the hub still hears of this node. */
  beginStop(): void {
    this.#stopping = true;
  }

  /** Tells the hub that this node and its Envoy have ended in order. */
  goodbye(): void {
    this.#options.send({ type: 'goodbye' });
  }

  /** Takes a message in turn, at once when nothing waits. */
  take(message: HubMessage): void {
    if (this.#stopping) return;
    this.#backlog.push(message);
    if (this.#backlog.length === backlogMax) this.#options.onBacklog('full');
    if (!this.#dealing) void this.#deal();
  }

  /** Tells whether a hub said that this node has nothing to serve. */
  get hasNothingToServe(): boolean {
    return this.#answered && this.#options.session.isEmpty;
  }

  stop(): void {
    clearInterval(this.#pings);
    clearTimeout(this.#save);
  }

  async #deal(): Promise<void> {
    this.#dealing = true;
    for (let message = this.#backlog.shift(); message !== undefined; message = this.#backlog.shift()) {
      // Only discovery with TLS material takes time: everything else is through before this returns.
      const later = this.#receive(message);
      if (later !== undefined) await later;
    }
    this.#dealing = false;
    this.#options.onBacklog('empty');
  }

  #receive(message: HubMessage): Promise<void> | undefined {
    if (message.type === 'pong') this.#answered = true;
    let later: Promise<void> | undefined;
    for (const effect of this.#options.session.receive(message, performance.now()))
      later = this.#perform(effect) ?? later;
    return later;
  }

  #perform(effect: Effect): Promise<void> | undefined {
    switch (effect.type) {
      case 'send':
        this.#report(effect.message);
        return undefined;
      case 'discovery':
        return this.#discover(effect.message);
      case 'activate':
        void this.#activate(effect.activation);
        break;
    }
    return undefined;
  }

  #report(message: NodeMessage): void {
    const { log, metrics, send } = this.#options;
    if (message.type === 'applied') {
      const { gateway, version, tookMs } = message;
      log.info({ gateway, version, tookMs }, 'applied');
      metrics.activated(gateway, 'applied', tookMs / 1000);
    }
    if (message.type === 'rejected') {
      const { gateway, version, reasons, serving } = message;
      log.error({ gateway, version, reasons, serving: serving?.version ?? null }, 'rejected');
    }
    if (message.type === 'resend')
      log.warn({ gateway: message.gateway }, 'a change does not fit: the whole is asked for');
    send(message);
  }

  async #activate(activation: Activation): Promise<void> {
    const { session, plane, lastGood, log, metrics } = this.#options;
    const { gateway, version, digest, changes } = activation;
    const startedAt = performance.now();
    const before = session.held().find((held) => held.gateway === gateway) ?? null;
    const reasons = await plane.activate(activation);
    if (reasons.length > 0) {
      metrics.activated(gateway, 'rejected', (performance.now() - startedAt) / 1000);
      for (const effect of session.rejected(reasons)) void this.#perform(effect);
      return;
    }
    lastGood.appendSnapshot({ gateway, version, digest }, changes, before);
    await lastGood.flush().catch((error: unknown) => {
      // It serves, so it is reported; what is not on disk is written with what comes next.
      log.error({ err: error, gateway, version }, 'a snapshot that serves was not saved');
      metrics.notSaved();
      this.#saveSoon(saveAgainMs);
    });
    const effects = session.applied(performance.now());
    if (lastGood.wantsCompaction) void lastGood.compact(session.content());
    for (const effect of effects) void this.#perform(effect);
  }

  #discover(message: DiscoveryMessage): Promise<void> | undefined {
    const { lastGood, plane } = this.#options;
    lastGood.appendDiscovery(message);
    this.#saveSoon(discoverySaveMs);
    const upserts = message.upserts.flatMap(({ key, item }) => (item.kind === 'tls' ? [] : [{ key, item }]));
    if (upserts.length === message.upserts.length) {
      plane.discover({ upserts, removes: message.removes });
      return undefined;
    }
    const { upserts: items, removes } = message;
    return openAll(items, this.#options.open).then((opened) => plane.discover({ upserts: opened, removes }));
  }

  #saveSoon(ms: number): void {
    this.#save ??= setTimeout(() => {
      this.#save = undefined;
      this.#options.lastGood.flush().catch((error: unknown) => {
        this.#options.log.error({ err: error }, 'last-good was not written');
        this.#options.metrics.notSaved();
        this.#saveSoon(saveAgainMs);
      });
    }, ms);
  }
}
