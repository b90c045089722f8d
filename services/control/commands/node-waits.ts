// Waits for nodes: who has applied or rejected a version, and when control heard of it. Nodes of this replica are heard
// directly, those of others by the notification that each report ends with.
import { type Kysely, sql } from 'kysely';
import { matchesGateway } from '#libs/snapshot/gateway-glob.ts';
import type { NodeReport } from '#libs/protocol/hub-session.ts';
import type { Database, Row } from '#libs/runtime/postgres/database.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { silentSince } from '../node-silence.ts';

/** What a node said about a version. */
interface Heard {
  readonly state: 'applied' | 'rejected';
  readonly version: number;
  /** On the clock of performance.now(). */
  readonly at: number;
  readonly tookMs: number | null;
  readonly reasons: readonly string[];
}

/** One gateway that is watched, from before the command is sent. */
interface Watch {
  readonly gateway: string;
  readonly heard: Map<string, Heard>;
  check: () => void;
  /** Has the nodes that count read anew, where one of those named may have connected, fallen silent or left. */
  refresh: (named: readonly string[]) => Promise<void>;
}

type ReportRow = Omit<Row<'node_gateways'>, 'digest' | 'applied_at' | 'rejected_at'>;

export interface WaitedNode {
  readonly node: string;
  /** null = not heard of in time. */
  readonly heard: Heard | null;
  /** When a silent node was heard of last; null = it is connected, or has answered. */
  readonly unknownSince: Date | null;
}

/** One node that serves the gateway and has not left. */
interface CountingNode {
  readonly node: string;
  readonly alive: boolean;
  readonly lastSeen: Date;
}

export class NodeWaits {
  readonly #db: Kysely<Database>;
  readonly #log: Logger;
  readonly #watches = new Set<Watch>();
  readonly #notified = new Set<string>();
  #reading = false;

  constructor(db: Kysely<Database>, log: Logger) {
    this.#db = db;
    this.#log = log;
  }

  /** Hears what a node of this replica reports. */
  report(node: string, report: NodeReport): void {
    if (this.#watches.size === 0) return;
    const at = performance.now();
    if (report.kind === 'applied') {
      const { gateway, version, tookMs } = report.applied;
      this.#hear(node, gateway, { state: 'applied', version, at, tookMs, reasons: [] });
    } else if (report.kind === 'rejected') {
      const { gateway, version, reasons } = report.rejected;
      this.#hear(node, gateway, { state: 'rejected', version, at, tookMs: null, reasons });
    }
  }

  /** Takes note that Postgres holds something new about a node; null = it is not known which. */
  notify(node: string | null): void {
    if (this.#watches.size === 0) return;
    this.#notified.add(node ?? '');
    if (!this.#reading) void this.#readNotified();
  }

  /** Starts to listen for what nodes say about the gateway; end it with `stop`. */
  watch(gateway: string): { wait(version: number, timeoutMs: number): Promise<readonly WaitedNode[]>; stop(): void } {
    const watch: Watch = { gateway, heard: new Map(), check: () => undefined, refresh: () => Promise.resolve() };
    this.#watches.add(watch);
    return {
      wait: (version, timeoutMs) => this.#wait(watch, version, timeoutMs),
      stop: () => void this.#watches.delete(watch),
    };
  }

  async #wait(watch: Watch, version: number, timeoutMs: number): Promise<readonly WaitedNode[]> {
    let nodes = await this.#countingNodes(watch.gateway);
    await this.#read(nodes.map(({ node }) => node));
    const done = Promise.withResolvers<void>();
    const isDone = (node: string): boolean => (watch.heard.get(node)?.version ?? 0) >= version;
    // Nothing is to be had from a silent node by waiting: what it serves is unknown, and the answer says so.
    watch.check = () => {
      if (nodes.every(({ node, alive }) => !alive || isDone(node))) done.resolve();
    };
    watch.refresh = async (named) => {
      if (!named.includes('') && named.every(isDone)) return;
      nodes = await this.#countingNodes(watch.gateway);
      watch.check();
    };
    watch.check();
    const timer = setTimeout(done.resolve, timeoutMs);
    await done.promise;
    clearTimeout(timer);
    // One may have fallen silent without a word.
    nodes = await this.#countingNodes(watch.gateway);
    return nodes.map(({ node, alive, lastSeen }) => {
      const heard = isDone(node) && alive ? (watch.heard.get(node) ?? null) : null;
      return { node, heard, unknownSince: alive ? null : lastSeen };
    });
  }

  #hear(node: string, gateway: string, heard: Heard): void {
    for (const watch of this.#watches) {
      if (watch.gateway !== gateway) continue;
      const before = watch.heard.get(node);
      if (before !== undefined && before.version >= heard.version && before.state === heard.state) continue;
      if (before !== undefined && before.version > heard.version) continue;
      watch.heard.set(node, heard);
      watch.check();
    }
  }

  async #countingNodes(gateway: string): Promise<readonly CountingNode[]> {
    const known = await this.#db
      .selectFrom('gateways')
      .select('labels')
      .where('gateway', '=', gateway)
      .executeTakeFirst();
    const { rows } = await sql<Pick<Row<'nodes'>, 'node' | 'serves' | 'last_seen'> & { readonly alive: boolean }>`
      select node, serves, last_seen, connected and last_seen > ${silentSince} as alive
        from nodes order by node`.execute(this.#db);
    return rows
      .filter(({ serves }) => matchesGateway(serves, gateway, known?.labels ?? {}))
      .map(({ node, alive, last_seen: lastSeen }) => ({ node, alive, lastSeen }));
  }

  async #readNotified(): Promise<void> {
    this.#reading = true;
    try {
      while (this.#notified.size > 0 && this.#watches.size > 0) {
        const nodes = [...this.#notified];
        this.#notified.clear();
        await this.#read(nodes.includes('') ? null : nodes);
        for (const watch of this.#watches) await watch.refresh(nodes);
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'reports of nodes could not be read');
    } finally {
      this.#notified.clear();
      this.#reading = false;
    }
  }

  async #read(nodes: readonly string[] | null): Promise<void> {
    const gateways = [...new Set([...this.#watches].map(({ gateway }) => gateway))];
    const { rows } = await sql<ReportRow>`
      select node, gateway, version, took_ms::float8, rejected_version, rejected_reasons from node_gateways
       where gateway = any(${gateways}) and (${nodes === null} or node = any(${[...(nodes ?? [])]}))`.execute(this.#db);
    const at = performance.now();
    for (const row of rows) {
      const { node, gateway, version } = row;
      this.#hear(node, gateway, { state: 'applied', version, at, tookMs: row.took_ms, reasons: [] });
      if (row.rejected_version !== null && row.rejected_version > version) {
        const reasons = row.rejected_reasons ?? [];
        this.#hear(node, gateway, { state: 'rejected', version: row.rejected_version, at, tookMs: null, reasons });
      }
    }
  }
}
