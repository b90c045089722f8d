// Answers what agents ask and takes what they tell beside the log: the inventory, their statuses, heartbeats. Answers
// show committed state only.
import type { Kysely } from 'kysely';
import { z } from 'zod';
import type { Heartbeat, InventoryPage, Resync, StatusPage } from '#libs/events/agent-exchange.ts';
import { heartbeatSubject, inventorySubject, resyncSubject, statusesSubject } from '#libs/events/subjects.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { Nats, Stoppable } from '#libs/runtime/nats/nats.ts';
import { parseHeartbeat, writeHeartbeats } from './heartbeats.ts';
import type { ProjectorMetrics } from '../metrics.ts';
import { statusPage } from './status-messages.ts';
import type { Writer } from '../ingest/writer.ts';

export interface AgentDesk {
  /** Asks every agent to compare with the inventory; asked again at heartbeats until each has begun. */
  resync(reason: string, clusters: Iterable<string>): void;
  /**
   * Says which stream is read now: whoever published into another one compares, though it was lost before this
   * projector's time.
   */
  announce(stream: string): void;
  stop(): Promise<void>;
}

interface AgentDeskContext {
  readonly nats: Nats;
  readonly db: Kysely<Database>;
  readonly log: Logger;
  readonly metrics: ProjectorMetrics;
  /** Runs between transactions, with the writer of that moment. */
  readonly between: <T>(task: (writer: Writer) => Promise<T>) => Promise<T>;
}

const pageRequest = z.object({ clusterUid: z.string().min(1).max(1024), after: z.string().optional() });
const inventoryItemsMax = 1000;
const writeEveryMs = 2000;
const askAgainMs = 5000;
const heartbeatsMax = 10_000;

/** Answers requests and takes heartbeats until stopped. */
export function startAgentDesk(context: AgentDeskContext): AgentDesk {
  const beats = new Heartbeats(context);
  const owing = new Set<string>();
  let askedAt = Number.NEGATIVE_INFINITY;

  function ask(): void {
    askedAt = performance.now();
    context.nats.publish(resyncSubject, {} satisfies Resync);
  }

  const subscriptions: readonly Stoppable[] = [
    context.nats.subscribe(inventorySubject('*'), async (json, reply, subject) => {
      const answer = await inventoryPage(context, clusterOf(subject), json);
      if (answer === undefined) return;
      owing.delete(answer.cluster);
      reply?.(answer.page);
    }),
    context.nats.subscribe(statusesSubject('*'), async (json, reply, subject) => {
      const answer = await statusesPage(context, clusterOf(subject), json);
      if (answer !== undefined) reply?.(answer);
    }),
    context.nats.subscribe(heartbeatSubject('*'), async (json, _reply, subject) => {
      const cluster = await beats.take(clusterOf(subject), json);
      if (cluster !== undefined && owing.has(cluster) && performance.now() - askedAt >= askAgainMs) ask();
    }),
  ];
  return {
    resync(reason, clusters) {
      context.log.warn({ reason }, 'agents are asked to compare with the inventory');
      context.metrics.resyncs.inc();
      for (const cluster of clusters) owing.add(cluster);
      ask();
    },
    announce(stream) {
      context.nats.publish(resyncSubject, { stream } satisfies Resync);
    },
    async stop() {
      await Promise.all(subscriptions.map((subscription) => subscription.stop()));
      await beats.stop();
    },
  };
}

async function inventoryPage(
  context: AgentDeskContext,
  said: string,
  json: unknown,
): Promise<{ readonly cluster: string; readonly page: InventoryPage } | undefined> {
  const request = pageRequest.safeParse(json).data;
  if (request === undefined) return undefined;
  return context.between(async (writer) => {
    const cluster = writer.clusters.nameOf(said, request.clusterUid);
    const refused = await admit(writer, cluster, request.clusterUid);
    if (refused !== undefined) return { cluster, page: { items: [], refused } };
    const { streamCreated } = writer.checkpoint;
    const page = writer.projection.inventory(cluster, request.after, inventoryItemsMax);
    return { cluster, page: streamCreated === null ? page : { ...page, stream: streamCreated } };
  });
}

async function statusesPage(context: AgentDeskContext, said: string, json: unknown): Promise<StatusPage | undefined> {
  const request = pageRequest.safeParse(json).data;
  if (request === undefined) return undefined;
  return context.between(async ({ clusters, projection }) => {
    const cluster = clusters.nameOf(said, request.clusterUid);
    const isRegistered = clusters.check(cluster, request.clusterUid) === 'registered';
    return isRegistered ? statusPage(projection, cluster, request.after) : { items: [] };
  });
}

/** Registers a cluster at first sight; a sentence when it is refused. */
async function admit(writer: Writer, cluster: string, uid: string): Promise<string | undefined> {
  const verdict = writer.clusters.check(cluster, uid);
  if (verdict === 'registered') return undefined;
  if (verdict !== 'new') return verdict.refused;
  if (!clusterLabel.test(cluster)) return 'the name of a cluster must be a DNS label';
  await writer.register(cluster, uid);
  return undefined;
}

const clusterLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

class Heartbeats {
  readonly #context: AgentDeskContext;
  readonly #newest = new Map<string, Heartbeat>();
  readonly #timer: NodeJS.Timeout;
  #writing: Promise<void> = Promise.resolve();

  constructor(context: AgentDeskContext) {
    this.#context = context;
    this.#timer = setInterval(() => this.#flush(), writeEveryMs);
  }

  /** Takes a heartbeat; gives the name that its cluster has in the history, undefined where it is none. */
  async take(said: string, json: unknown): Promise<string | undefined> {
    const beat = parseHeartbeat(json);
    if (beat === undefined || beat.cluster !== said) return undefined;
    const { cluster, refused } = await this.#context.between(async (writer) => {
      const name = writer.clusters.nameOf(said, beat.clusterUid);
      return { cluster: name, refused: await admit(writer, name, beat.clusterUid) };
    });
    if (refused !== undefined) {
      this.#context.metrics.dropped.inc({ reason: 'refused' });
      this.#context.log.debug({ cluster, refused }, 'the heartbeat of a cluster is refused');
    } else if (this.#newest.size < heartbeatsMax) {
      this.#newest.set(cluster, { ...beat, cluster });
    }
    return cluster;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#flush();
    await this.#writing;
  }

  #flush(): void {
    const beats = [...this.#newest.values()];
    this.#newest.clear();
    if (beats.length === 0) return;
    this.#writing = this.#writing
      .then(() => writeHeartbeats(this.#context.db, beats))
      .catch((error: unknown) => this.#context.log.warn({ err: error }, 'heartbeats cannot be written'));
  }
}

function clusterOf(subject: string): string {
  return subject.slice(subject.lastIndexOf('.') + 1);
}
