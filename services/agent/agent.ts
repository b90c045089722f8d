// One agent, put together: source → mirror → outbox → NATS, and desired statuses the other way.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import type { Heartbeat } from '#libs/events/agent-exchange.ts';
import { changeSubject, heartbeatSubject, resyncSubject } from '#libs/events/subjects.ts';
import { kinds } from '#libs/gateway/kinds.ts';
import { messageOf } from '#libs/runtime/errors.ts';
import { type HealthServer, type Readiness, startHealthServer } from '#libs/runtime/health.ts';
import type { RunningService } from '#libs/runtime/lifecycle.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { createMetrics } from '#libs/runtime/metrics.ts';
import { type Nats, type Stoppable, connectNats } from '#libs/runtime/nats/nats.ts';
import { untilAborted } from '#libs/runtime/pause.ts';
import packageFile from '../../package.json' with { type: 'json' };
import { type AgentMetrics, createAgentMetrics } from './agent-metrics.ts';
import { heartbeatEveryMs } from '#libs/protocol/silence.ts';
import type { AgentOptions } from './options.ts';
import { type Inventory, fetchInventory, parseResync } from './changes/inventory.ts';
import type { LiveObject } from './objects/live-object.ts';
import { Mirror } from './changes/mirror.ts';
import { openSource } from './open-source.ts';
import { Outbox } from './changes/outbox.ts';
import { Problems } from './problems.ts';
import type { Provisioner } from './provision/provisioner.ts';
import { namespaceKeys, readProvisionSettings, startProvisioner } from './provision/start.ts';
import { type Reconciler, awaitInventory, startReconciler } from './changes/reconciler.ts';
import { createSealer } from './objects/sealer.ts';
import { sliceProblem } from './objects/slice-problem.ts';
import type { Source, SourceSink } from './source.ts';
import { WishBook } from './wishes/wish-book.ts';
import { type WishFeed, startWishFeed } from './wishes/wish-feed.ts';
import { StatusWriter } from './status/status-writer.ts';

const beatSoonMs = 500;
const publishTimeoutMs = 5000;

/** Starts an agent; resolves when its health server answers. It goes on until stopped; `done` rejects where waiting is of no use. */
export async function startAgent(
  options: AgentOptions,
  log: Logger,
  signal: AbortSignal,
): Promise<RunningService & { readonly port: number; readonly done: Promise<void> }> {
  const stopping = new AbortController();
  const agent = new Agent(options, log, AbortSignal.any([signal, stopping.signal]));
  const { host, port } = options;
  const health = await startHealthServer({ host, port, registry: agent.registry, log, ready: () => agent.readiness() });
  const done = runUntilStopped(agent, health);
  return {
    port: health.port,
    done,
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

async function runUntilStopped(agent: Agent, health: HealthServer): Promise<void> {
  try {
    await agent.run();
  } finally {
    await health.stop();
  }
}

class Agent {
  readonly #options: AgentOptions;
  readonly #log: Logger;
  readonly #signal: AbortSignal;
  readonly #problems: Problems;
  readonly #metrics: AgentMetrics;
  readonly registry;
  #source: Source | undefined;
  #closeSource: (() => Promise<void>) | undefined;
  #nats: Nats | undefined;
  #outbox: Outbox | undefined;
  #mirror: Mirror | undefined;
  #writer: StatusWriter | undefined;
  #wishes: WishFeed | undefined;
  #provisioner: Provisioner | undefined;
  #reconciler: Reconciler | undefined;
  #heartbeat: NodeJS.Timeout | undefined;
  #soon: NodeJS.Timeout | undefined;
  #isSynced = false;

  constructor(options: AgentOptions, log: Logger, signal: AbortSignal) {
    this.#options = options;
    this.#log = log.child({ cluster: options.cluster });
    this.#signal = signal;
    this.#problems = new Problems(this.#log, () => this.#beatSoon());
    const metrics = createMetrics('agent');
    this.registry = metrics.registry;
    this.#metrics = createAgentMetrics(metrics, {
      outbox: () => this.#outbox?.length ?? 0,
      objects: () => this.#mirror?.size ?? 0,
      statuses: () => this.#writer?.queueLength ?? 0,
    });
  }

  readiness(): Readiness {
    const reasons: string[] = [];
    if (this.#source === undefined) reasons.push('The cluster has not answered yet.');
    if (this.#nats?.connected !== true) reasons.push('NATS is not connected.');
    if (!this.#isSynced) {
      const missing = kinds.filter(({ kind }) => this.#mirror?.isListed(kind) !== true).map(({ kind }) => kind);
      if (missing.length > 0) reasons.push(`Not everything has been listed once: ${missing.join(', ')}.`);
      else reasons.push('Not everything that was listed is stored in the log.');
    }
    return { ok: reasons.length === 0, reasons };
  }

  async run(): Promise<void> {
    const { cluster, nodePublicKey, natsUrl, natsToken, natsCredentials } = this.#options;
    const log = this.#log;
    const signal = this.#signal;
    const settings = readProvisionSettings(this.#options);
    const sealer = createSealer({
      cluster,
      publicKey: nodePublicKey,
      namespaceKey: namespaceKeys(settings),
      onSealed: () => this.#metrics.sealed(),
    });
    if (sealer === null) this.#problems.set('node key', 'no node public key is set: TLS listeners get no certificates');
    const subscriptions: Stoppable[] = [];
    try {
      const { source, client, close } = await openSource(this.#options, log, signal);
      this.#source = source;
      this.#closeSource = close;
      const nats = (this.#nats = await connectNats({
        url: natsUrl,
        token: natsToken,
        credentials: natsCredentials,
        name: `fleetgate agent ${cluster}`,
        log,
        signal,
      }));
      const asker = { nats, cluster: { name: cluster, uid: source.clusterUid } };
      const outbox = (this.#outbox = this.#createOutbox(nats));
      const mirror = (this.#mirror = new Mirror({
        cluster: asker.cluster,
        outbox,
        sealer,
        now: () => new Date().toISOString(),
        onReferences: (wanted) => source.reference(wanted),
        onStatusObject: (key, live) => this.#observe(key, live),
        isUncertain: (key) => source.isUncertain(key),
        onUnfit: (key, reason) => this.#problems.set(`object ${key}`, reason && `${key} is not taken: ${reason}`),
      }));
      this.#heartbeat = setInterval(() => this.#beat(), heartbeatEveryMs);
      this.#writer = this.#createWriter(source, mirror);
      const fetch = (): Promise<Inventory> => fetchInventory(asker);
      const onProblem = (sentence: string | null): void => this.#problems.set('inventory', sentence);
      const inventory = await awaitInventory({ fetch, onProblem }, signal);
      outbox.refresh(inventory.items);
      const { stream } = inventory;
      const periodMs = this.#options.relistPeriod;
      const reconciler = startReconciler({ fetch, outbox, mirror, periodMs, log, onProblem, stream });
      this.#reconciler = reconciler;
      // Before anything is published, so that nothing of it is lost unnoticed.
      this.#listen(nats, outbox, reconciler, subscriptions);
      await source.start(this.#sink(mirror), inventory.items);
      if (settings !== null && client !== null) {
        const onProblem = (about: string, sentence: string | null): void => this.#problems.set(about, sentence);
        const find = (key: string): LiveObject | undefined => mirror.get(key);
        this.#provisioner = startProvisioner({ settings, client, find, onProblem, log });
      }
      const takers = [this.#writer, this.#provisioner].filter((taker) => taker !== undefined);
      if (takers.length > 0) this.#wishes = startWishFeed(asker, new WishBook(takers), log);
      log.info({ source: source.kind, clusterUid: source.clusterUid, held: inventory.items.length }, 'watching');
      await Promise.race([reconciler.done, untilAborted(signal)]);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      await this.#stop(subscriptions);
    }
  }

  /** What says that something may have been missed. */
  #listen(nats: Nats, outbox: Outbox, reconciler: Reconciler, subscriptions: Stoppable[]): void {
    // Whoever waits for it learns of it later; nobody may be waiting yet.
    reconciler.done.catch(() => undefined);
    subscriptions.push(
      nats.subscribe(resyncSubject, (json) => {
        if (reconciler.isBehind(parseResync(json))) this.#compare('the stream was lost');
      }),
    );
    nats.onStatus((status) => {
      if (status === 'disconnected') return;
      outbox.reconnected();
      this.#compare('NATS was away');
    });
  }

  #createOutbox(nats: Nats): Outbox {
    const subject = changeSubject(this.#options.cluster);
    return new Outbox({
      publish: (event, id) => nats.publishStream(subject, event, { id, timeoutMs: publishTimeoutMs }),
      canPublish: () => nats.connected,
      isHopeless: (error) => /max_?payload/i.test(messageOf(error)),
      onPublished: (event) => {
        this.#metrics.published(event);
        this.#problems.set('publish', null);
        this.#problems.set(aboutSize(event), null);
        this.#noteSynced();
      },
      onFailed: (event, error, fate) => {
        this.#metrics.publishFailed();
        if (fate === 'hopeless') this.#noteSynced();
        const about = aboutSize(event);
        if (fate === 'hopeless') this.#problems.set(about, `${about} is too large to be sent: ${messageOf(error)}`);
        else if (nats.connected) this.#problems.set('publish', `events are not taken: ${messageOf(error)}`);
      },
      onOverflow: () => this.#compare('the queue overflowed'),
    });
  }

  #createWriter({ writeStatus }: Source, mirror: Mirror): StatusWriter | undefined {
    if (writeStatus === null) return undefined;
    return new StatusWriter({
      write: writeStatus,
      find: (key) => mirror.get(key),
      now: () => new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
      onWrite: (outcome) => this.#metrics.statusWritten(outcome),
      onProblem: (about, sentence) => this.#problems.set(about, sentence),
      ratePerSecond: this.#options.statusRate,
    });
  }

  /** An object whose status is written was seen, or is gone. */
  #observe(key: string, live: LiveObject | null): void {
    this.#writer?.observe(key, live);
    this.#provisioner?.observe(key, live);
  }

  #sink(mirror: Mirror): SourceSink {
    return {
      change: (change) => {
        this.#metrics.changed(change.kind);
        const found = sliceProblem(change);
        if (found !== undefined) this.#problems.set(found.about, found.sentence);
        return mirror.change(change);
      },
      listed: (kind) => {
        mirror.listed(kind);
        this.#noteSynced();
      },
      problem: (about, sentence) => this.#problems.set(about, sentence),
      restarted: (kind, why) => {
        this.#metrics.restarted(kind, why);
        this.#log.debug({ kind, why }, 'a watch ended');
      },
    };
  }

  /** Synced: everything has been listed once, and what the history lacked of it is stored. */
  #noteSynced(): void {
    const mirror = this.#mirror;
    if (this.#isSynced || mirror === undefined || this.#outbox?.length !== 0) return;
    if (!kinds.every(({ kind }) => mirror.isListed(kind))) return;
    this.#isSynced = true;
    this.#log.info({ objects: mirror.size }, 'synced');
    this.#beat();
  }

  /** Something may have been missed in either direction. */
  #compare(reason: string): void {
    this.#reconciler?.request(reason);
    this.#wishes?.refresh();
  }

  /** A change of what is wrong is told at once, several together. */
  #beatSoon(): void {
    if (this.#heartbeat === undefined) return;
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined;
      this.#beat();
    }, beatSoonMs);
  }

  #beat(): void {
    if (this.#nats?.connected !== true || this.#source === undefined || this.#signal.aborted) return;
    const beat: Heartbeat = {
      cluster: this.#options.cluster,
      clusterUid: this.#source.clusterUid,
      version: packageFile.version,
      source: this.#source.kind,
      synced: this.#isSynced,
      objects: this.#mirror?.size ?? 0,
      problems: this.#problems.list(),
    };
    this.#nats.publish(heartbeatSubject(this.#options.cluster), beat);
  }

  async #stop(subscriptions: readonly Stoppable[]): Promise<void> {
    clearInterval(this.#heartbeat);
    await Promise.all(subscriptions.map((subscription) => subscription.stop()));
    clearTimeout(this.#soon);
    // What waits for room in the outbox must not hold up the source; the next start finds what was not sent.
    this.#outbox?.stop();
    this.#writer?.stop();
    await this.#provisioner?.stop();
    await this.#closeSource?.();
    await this.#wishes?.stop();
    await this.#reconciler?.stop();
    await this.#nats?.close();
  }
}

function aboutSize({ kind, namespace, name }: ChangeEvent): string {
  return `${kind} ${namespace}/${name}`;
}
