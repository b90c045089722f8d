// Watches a fleet: tells each event once, in the order of the history, with the versions that it led to, and then what
// became of each of those. The place is the number of the last event that was told, so that a lost connection leaves
// neither a gap nor a repetition.
import { FleetgateError } from '#libs/runtime/errors.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import { readNewestEvents } from '../client/event-reads.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import { readGateways } from '../client/fleet-reads.ts';
import { type ChangeQuery, type ReportedChange, changePages } from '../report/change-reads.ts';
import type { Gateway } from '../views/gateway-table.ts';
import { type Pending, type Watched, judge } from './watched.ts';

const everyMs = 500;
const gatewaysEveryMs = 2000;
/** Versions of which the end is waited for; older ones are let go. */
const pendingMax = 200;
const retry = { minMs: 500, maxMs: 10_000 };

interface WatchOptions {
  readonly client: FleetClient;
  readonly query: ChangeQuery;
  readonly tell: (watched: Watched) => void;
  /** Takes note that control cannot be reached, and that it can be again. */
  readonly note: (line: string) => void;
}

/** Watches until the signal; `from` is the sequence number after which it begins. */
export async function watch(options: WatchOptions, from: string, signal: AbortSignal): Promise<void> {
  const one = new Watching(options, from);
  for (let failures = 0; !signal.aborted;) {
    try {
      await one.step();
      if (failures > 0) options.note('control answers again');
      failures = 0;
      await pause(everyMs, signal);
    } catch (error) {
      if (!(error instanceof FleetgateError) || error.code !== 'control-unreachable') throw error;
      if (failures === 0) options.note(`${error.message}; trying again, nothing is lost`);
      await pause(backoff(failures++, retry), signal);
    }
  }
}

class Watching {
  readonly #options: WatchOptions;
  #last: string;
  #pending: Pending[] = [];
  /** The newest version of each gateway that was told. */
  readonly #told = new Map<string, number>();
  #alarms: ReadonlyMap<string, string | null> | undefined;
  #lookedAt = 0;

  constructor(options: WatchOptions, from: string) {
    this.#options = options;
    this.#last = from;
  }

  async step(): Promise<void> {
    const { client, query } = this.#options;
    // What was looked through is not looked through again, though nothing of it was meant.
    const [newest] = await readNewestEvents(client, {}, 1);
    for await (const page of changePages(client, query, this.#last)) for (const change of page) this.#take(change);
    if (newest !== undefined && BigInt(newest.seq) > BigInt(this.#last)) this.#last = newest.seq;
    if (this.#pending.length === 0 && performance.now() - this.#lookedAt < gatewaysEveryMs) return;
    this.#lookedAt = performance.now();
    const gateways = await readGateways(client, { cluster: query.cluster, deleted: 'true' });
    this.#tellAlarms(gateways);
    await this.#settle(new Map(gateways.map((gateway) => [gateway.gateway, gateway])));
  }

  #take(change: ReportedChange): void {
    const { seq, recordedAt } = change.event;
    this.#options.tell({ type: 'event', change });
    for (const version of change.versions) {
      // Several changes of a transaction led to the same version.
      if (version.version <= (this.#told.get(version.gateway) ?? 0)) continue;
      this.#told.set(version.gateway, version.version);
      this.#options.tell({ type: 'version', seq, version });
      this.#pending.push({ seq, recordedAt, gateway: version.gateway, version: version.version, refusedAt: null });
    }
    this.#pending = this.#pending.slice(-pendingMax);
    this.#last = seq;
  }

  /** Reads the changes that are waited for once more, from the oldest on. */
  async #settle(gateways: ReadonlyMap<string, Gateway>): Promise<void> {
    const [oldest] = this.#pending;
    if (oldest === undefined) return;
    const { client, query } = this.#options;
    const versions = new Map<string, ReportedChange['versions'][number]>();
    const last = BigInt(this.#last);
    for await (const page of changePages(client, query, String(BigInt(oldest.seq) - 1n))) {
      for (const { event, versions: made } of page)
        for (const version of made) versions.set(`${event.seq} ${version.gateway} ${version.version}`, version);
      if (page.some(({ event }) => BigInt(event.seq) >= last)) break;
    }
    const left: Pending[] = [];
    for (const pending of this.#pending) {
      const version = versions.get(`${pending.seq} ${pending.gateway} ${pending.version}`);
      const gateway = gateways.get(pending.gateway);
      const end = version === undefined || gateway === undefined ? undefined : judge(pending, version, gateway);
      if (end !== undefined) this.#options.tell(end);
      if (end?.type === 'refused') left.push({ ...pending, refusedAt: end.at });
      else if (end === undefined) left.push(pending);
    }
    this.#pending = left;
  }

  /** Alarms are not in the history: what is new since the watch began is told. */
  #tellAlarms(gateways: readonly Gateway[]): void {
    const { query, tell } = this.#options;
    const before = this.#alarms;
    const wanted = gateways.filter(({ gateway }) => query.gateway === undefined || gateway === query.gateway);
    this.#alarms = new Map(wanted.map(({ gateway, alarm }) => [gateway, alarm]));
    if (before === undefined) return;
    for (const [gateway, alarm] of this.#alarms)
      if ((before.get(gateway) ?? null) !== alarm) tell({ type: 'alarm', gateway, alarm });
  }
}
