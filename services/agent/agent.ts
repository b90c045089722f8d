// Puts one agent together and runs it until it is stopped.
//
//   source ──▶ intake ──▶ mirror ──▶ outbox ──▶ NATS          what changes in the cluster
//                            └──▶ observers ─┐
//   NATS ──▶ wish feed ──▶ wish book ──▶ status writer, provisioner ──▶ cluster
//
// Each part is handed those that it works with; what holds something lies on one stack, and ends in reverse order.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { type HealthServer, type Readiness, startHealthServer } from '#libs/runtime/health.ts';
import type { RunningService } from '#libs/runtime/lifecycle.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { createMetrics } from '#libs/runtime/metrics.ts';
import { type Nats, connectNats } from '#libs/runtime/nats/nats.ts';
import { untilAborted } from '#libs/runtime/pause.ts';
import { type AgentMetrics, createAgentMetrics } from './agent-metrics.ts';
import { type AuditMetrics, createAuditMetrics } from './audit/audit-metrics.ts';
import { type AuditSettings, readAuditSettings } from './audit/audit-settings.ts';
import type { Attribution } from './audit/attribution.ts';
import type { Asker } from './ask-pages.ts';
import { createIntake } from './changes/intake.ts';
import { type Inventory, fetchInventory } from './changes/inventory.ts';
import { watchForLosses } from './changes/losses.ts';
import { Mirror } from './changes/mirror.ts';
import { aboutPublishing, openOutbox } from './changes/open-outbox.ts';
import type { Outbox } from './changes/outbox.ts';
import { awaitInventory, startReconciler } from './changes/reconciler.ts';
import { Doubts } from './doubts.ts';
import { startHeartbeat } from './heartbeat.ts';
import type { ApiClient } from './kubernetes/api-client.ts';
import { LiveObjects } from './objects/live-objects.ts';
import { createSealer } from './objects/sealer.ts';
import { openSource } from './open-source.ts';
import type { AgentOptions } from './options.ts';
import { Problems } from './problems.ts';
import { namespaceKeys, readProvisionSettings, startProvisioner } from './provision/start.ts';
import type { Source } from './source.ts';
import { StatusWriter } from './status/status-writer.ts';
import { Sync } from './sync.ts';
import { WishBook } from './wishes/wish-book.ts';
import { startWishFeed } from './wishes/wish-feed.ts';

/** Holds what is there from the first moment on and every part may need. */
interface Context {
  readonly options: AgentOptions;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly live: LiveObjects;
  readonly sync: Sync;
  readonly problems: Problems;
  readonly metrics: AgentMetrics;
  readonly auditMetrics: AuditMetrics;
  readonly links: Links;
}

/** Says of the connections what readiness asks. */
interface Links {
  cluster: 'awaited' | 'answered';
  nats: Nats | undefined;
}

/** Holds the two ends of an agent. */
interface Ends {
  readonly source: Source;
  readonly client: ApiClient | null;
  readonly nats: Nats;
}

/**
 * Starts an agent; resolves when its health server answers. It goes on until stopped; `done` rejects where waiting is
 * of no use.
 */
export async function startAgent(
  options: AgentOptions,
  parentLog: Logger,
  signal: AbortSignal,
): Promise<RunningService & { readonly port: number; readonly done: Promise<void> }> {
  const stopping = new AbortController();
  const log = parentLog.child({ cluster: options.cluster });
  const live = new LiveObjects();
  const metrics = createMetrics('agent', { cluster: options.cluster });
  const context: Context = {
    options,
    log,
    signal: AbortSignal.any([signal, stopping.signal]),
    live,
    sync: new Sync(live, log),
    problems: new Problems(log),
    metrics: createAgentMetrics(metrics, live),
    auditMetrics: createAuditMetrics(metrics),
    links: { cluster: 'awaited', nats: undefined },
  };
  const { host, port } = options;
  const { registry } = metrics;
  const health = await startHealthServer({ host, port, registry, log: parentLog, ready: () => readinessOf(context) });
  const done = runUntilStopped(context, health);
  return {
    port: health.port,
    done,
    async stop() {
      stopping.abort();
      await done;
    },
  };
}

async function runUntilStopped(context: Context, health: HealthServer): Promise<void> {
  try {
    await run(context);
  } catch (error) {
    if (!context.signal.aborted) throw error;
  } finally {
    await health.stop();
  }
}

async function run(context: Context): Promise<void> {
  const { options, signal, live, sync, problems, metrics } = context;
  await using resources = new AsyncDisposableStack();
  const settings = readProvisionSettings(options);
  const sealer = createSealer({
    cluster: options.cluster,
    publicKey: options.nodePublicKey,
    namespaceKey: namespaceKeys(settings),
    onSealed: () => metrics.sealed(),
  });
  if (sealer === null) problems.set('node key', 'no node public key is set: TLS listeners get no certificates');
  const audit = readAuditSettings(options);
  const { source, client, nats } = await connect(context, resources);
  const { cluster } = options;
  resources.defer(startHeartbeat({ cluster, source, nats, live, sync, problems, signal }));
  const asker = { nats, cluster: { name: cluster, uid: source.clusterUid } };
  const doubts = new Doubts();
  const attribution = await openAttribution(context, audit, nats, resources);
  const witness = attribution?.witness ?? null;
  const onStored = (event: ChangeEvent): void => witness?.stored(event);
  const outbox = openOutbox({ cluster, nats, doubts, problems, metrics, sync, onStored });
  const writer = createWriter(context, source);
  const provisioner = settings === null || client === null ? null : startProvisioner({ ...context, settings, client });
  if (provisioner !== null) resources.defer(() => provisioner.stop());
  const takers = [writer, provisioner].filter((taker) => taker !== null);
  const mirror = new Mirror({
    cluster: asker.cluster,
    outbox,
    sealer,
    live,
    source,
    observers: takers,
    witness,
    now: () => new Date().toISOString(),
    onUnfit: (key, reason) => problems.set(`object ${key}`, reason && `${key} is not taken: ${reason}`),
  });
  metrics.measure({ outbox: () => outbox.length, statuses: () => writer?.queueLength ?? 0 });
  const book = takers.length === 0 ? null : new WishBook(takers);
  try {
    await keepInStep(context, { asker, source, mirror, outbox, doubts, book }, resources);
  } finally {
    // What waits for room in the outbox must not hold up what ends after it; the next start finds what was not sent.
    outbox.stop();
    writer?.stop();
  }
}

/** Starts to find out who changes the cluster, where the options say how. */
async function openAttribution(
  { options, problems, auditMetrics, log }: Context,
  settings: AuditSettings | null,
  nats: Nats,
  resources: AsyncDisposableStack,
): Promise<Attribution | null> {
  if (settings === null) return null;
  const { startAttribution } = await import('./audit/attribution.ts');
  const { cluster } = options;
  const attribution = startAttribution({ settings, cluster, nats, problems, metrics: auditMetrics, log });
  resources.defer(() => attribution.stop());
  return attribution;
}

/** Waits for both ends. */
async function connect({ options, log, signal, links }: Context, resources: AsyncDisposableStack): Promise<Ends> {
  const { source, client, close } = await openSource(options, log, signal);
  resources.defer(close);
  links.cluster = 'answered';
  const nats = await connectNats({
    url: options.natsUrl,
    token: options.natsToken,
    credentials: options.natsCredentials,
    name: `fleetgate agent ${options.cluster}`,
    log,
    signal,
  });
  resources.defer(() => nats.close());
  links.nats = nats;
  return { source, client, nats };
}

function createWriter({ options, live, problems, metrics }: Context, { writeStatus }: Source): StatusWriter | null {
  if (writeStatus === null) return null;
  return new StatusWriter({
    write: writeStatus,
    find: (key) => live.get(key),
    now: () => new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
    onWrite: (outcome) => metrics.statusWritten(outcome),
    onProblem: (about, sentence) => problems.set(about, sentence),
    ratePerSecond: options.statusRate,
  });
}

/** Holds what is put to work once the history is known. */
interface Parts {
  readonly asker: Asker;
  readonly source: Source;
  readonly mirror: Mirror;
  readonly outbox: Outbox;
  readonly doubts: Doubts;
  /** Null where nobody acts on wishes. */
  readonly book: WishBook | null;
}

/**
 * Learns what the history holds, then brings it what changes, until stopped. Rejects when the fleet refuses the
 * cluster.
 */
async function keepInStep(context: Context, parts: Parts, resources: AsyncDisposableStack): Promise<void> {
  const { options, log, signal, problems } = context;
  const { asker, source, mirror, outbox, doubts, book } = parts;
  const { nats } = asker;
  const fetch = (): Promise<Inventory> => fetchInventory(asker);
  const onProblem = (sentence: string | null): void => problems.set('inventory', sentence);
  const inventory = await awaitInventory({ fetch, onProblem }, signal);
  outbox.refresh(inventory.items);
  const { stream } = inventory;
  const periodMs = options.relistPeriod;
  const reconciler = startReconciler({ fetch, outbox, mirror, periodMs, log, onProblem, stream });
  resources.defer(() => reconciler.stop());
  doubts.onRaised((reason) => reconciler.request(reason));
  // Before anything is published, so that nothing of it is lost unnoticed.
  resources.defer(watchForLosses({ nats, outbox, reconciler, doubts }));
  await source.start(createIntake({ ...context, mirror, outbox }), inventory.items);
  if (book !== null) {
    const feed = startWishFeed(asker, book, log);
    resources.defer(() => feed.stop());
    doubts.onRaised(() => feed.refresh());
  }
  log.info({ source: source.kind, clusterUid: source.clusterUid, held: inventory.items.length }, 'watching');
  await Promise.race([reconciler.done, untilAborted(signal)]);
}

function readinessOf({ links, live, sync, problems }: Context): Readiness {
  const reasons: string[] = [];
  if (links.cluster === 'awaited') reasons.push('The cluster has not answered yet.');
  if (links.nats?.connected !== true) reasons.push('NATS is not connected.');
  const unpublished = problems.get(aboutPublishing);
  if (unpublished !== undefined) reasons.push(unpublished);
  if (!sync.isReached) {
    const missing = live.unlistedKinds();
    if (missing.length > 0) reasons.push(`Not everything has been listed once: ${missing.join(', ')}.`);
    else reasons.push('Not everything that was listed is stored in the log.');
  }
  return { ok: reasons.length === 0, reasons };
}
