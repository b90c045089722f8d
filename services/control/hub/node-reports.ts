// Takes what nodes said to Postgres. While one batch is written the next gathers; the newest word about a node and
// gateway replaces an older one, so the queue is bounded by nodes × gateways however long Postgres is away.
import type pg from 'pg';
import type { NodeReport } from '#libs/protocol/hub-session.ts';
import type { Hello } from '#libs/protocol/messages.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import { dismissNodes } from './node-departures.ts';
import { type ReportedGateway, deleteOtherGateways, upsertNodes, writeReports } from './node-rows.ts';

interface Batch {
  readonly hellos: Map<string, Hello>;
  readonly holds: Map<string, readonly string[]>;
  readonly rows: Map<string, ReportedGateway>;
  readonly gone: Set<string>;
  /** Said goodbye. */
  readonly left: Set<string>;
  readonly touched: Set<string>;
}

export class NodeReports {
  readonly #pool: pg.Pool;
  readonly #replica: string;
  readonly #log: Logger;
  readonly #onReport: (node: string, report: NodeReport) => void;
  #batch = emptyBatch();
  #writing: Promise<void> | null = null;
  #closed = false;

  constructor(pool: pg.Pool, replica: string, log: Logger, onReport: (node: string, report: NodeReport) => void) {
    this.#pool = pool;
    this.#replica = replica;
    this.#log = log;
    this.#onReport = onReport;
  }

  connected(hello: Hello): void {
    this.#batch.hellos.set(hello.node, hello);
    this.#batch.gone.delete(hello.node);
    this.#batch.left.delete(hello.node);
    this.#touch(hello.node);
  }

  disconnected(node: string): void {
    this.#batch.gone.add(node);
    this.#touch(node);
  }

  /** Takes note that a node said goodbye; one that is back before that is written has not left. */
  left(node: string): void {
    this.#batch.left.add(node);
    this.#touch(node);
  }

  report(node: string, report: NodeReport): void {
    this.#onReport(node, report);
    switch (report.kind) {
      case 'holds':
        this.#batch.holds.set(
          node,
          report.held.map(({ gateway }) => gateway),
        );
        for (const held of report.held) this.#add({ node, ...held, tookMs: null, rejected: 'keep' });
        break;
      case 'applied': {
        const { gateway, version, digest, tookMs } = report.applied;
        this.#add({ node, gateway, version, digest, tookMs, rejected: 'none' });
        break;
      }
      case 'rejected': {
        const { gateway, version, serving, reasons } = report.rejected;
        const rejected = { version, reasons };
        this.#add({
          node,
          gateway,
          version: serving?.version ?? 0,
          digest: serving?.digest ?? '',
          tookMs: null,
          rejected,
        });
        break;
      }
    }
    this.#touch(node);
  }

  /** Resolves when everything said so far is stored. */
  async settled(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  /** Writes what is left; gives up when Postgres is away. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.settled();
  }

  #add(row: ReportedGateway): void {
    addRow(this.#batch.rows, row);
    const holds = this.#batch.holds.get(row.node);
    if (holds !== undefined && !holds.includes(row.gateway)) {
      this.#batch.holds.set(row.node, [...holds, row.gateway]);
    }
  }

  #touch(node: string): void {
    this.#batch.touched.add(node);
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
    });
  }

  async #writeAll(): Promise<void> {
    // What else is said in this turn of the event loop goes along.
    await Promise.resolve();
    for (let failures = 0; this.#batch.touched.size > 0;) {
      const batch = this.#batch;
      this.#batch = emptyBatch();
      try {
        await this.#write(batch);
        failures = 0;
      } catch (error) {
        this.#log.warn({ err: error, nodes: batch.touched.size }, 'node reports were not stored');
        if (this.#closed) return;
        this.#batch = merged(batch, this.#batch);
        await pause(backoff(failures++, { minMs: 100, maxMs: 5000 }));
      }
    }
  }

  async #write({ hellos, holds, rows, gone, left, touched }: Batch): Promise<void> {
    if (hellos.size > 0) await upsertNodes(this.#pool, this.#replica, [...hellos.values()]);
    if (holds.size > 0) await deleteOtherGateways(this.#pool, this.#replica, holds);
    // What was said before a node said that it holds something else does not count any more.
    const kept = [...rows.values()].filter(({ node, gateway }) => holds.get(node)?.includes(gateway) ?? true);
    await writeReports(this.#pool, this.#replica, kept, [...gone], [...touched]);
    if (left.size > 0) await dismissNodes(this.#pool, this.#replica, [...left]);
  }
}

function emptyBatch(): Batch {
  return { hellos: new Map(), holds: new Map(), rows: new Map(), gone: new Set(), left: new Set(), touched: new Set() };
}

function addRow(rows: Map<string, ReportedGateway>, row: ReportedGateway): void {
  const name = `${row.node} ${row.gateway}`;
  const before = rows.get(name);
  const isSame = before?.version === row.version && before.digest === row.digest;
  rows.set(name, {
    ...row,
    tookMs: row.tookMs ?? (isSame ? before.tookMs : null),
    rejected: row.rejected === 'keep' ? (before?.rejected ?? 'keep') : row.rejected,
  });
}

/** Joins two batches: `newer` wins, and a node that connected again is not gone. */
function merged(older: Batch, newer: Batch): Batch {
  const rows = new Map(older.rows);
  const holds = new Map([...older.holds, ...newer.holds]);
  for (const row of newer.rows.values()) {
    addRow(rows, row);
    const held = holds.get(row.node);
    if (held !== undefined && !held.includes(row.gateway)) holds.set(row.node, [...held, row.gateway]);
  }
  const isAway = (node: string): boolean => !newer.hellos.has(node);
  return {
    hellos: new Map([...older.hellos, ...newer.hellos]),
    holds,
    rows,
    gone: new Set([...[...older.gone].filter(isAway), ...newer.gone]),
    left: new Set([...[...older.left].filter(isAway), ...newer.left]),
    touched: new Set([...older.touched, ...newer.touched]),
  };
}
