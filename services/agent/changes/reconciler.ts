// Compares the mirror with the inventory at the start, after NATS was away, when the stream was lost, and
// periodically. It makes one comparison at a time and tries until it succeeds; what is asked for meanwhile makes one
// more.
import { FleetgateError, messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import { backoff, jittered, pause } from '#libs/runtime/pause.ts';
import type { Inventory } from './inventory.ts';
import type { Mirror } from './mirror.ts';
import type { Outbox } from './outbox.ts';

interface ReconcilerOptions {
  readonly fetch: () => Promise<Inventory>;
  /** The stream of the first comparison. */
  readonly stream: string | undefined;
  readonly outbox: Outbox;
  readonly mirror: Mirror;
  readonly periodMs: number;
  readonly log: Logger;
  readonly onProblem: (sentence: string | null) => void;
}

/** Compares when it is asked to, and periodically. */
export interface Reconciler {
  /** Compares again, soon. */
  request(reason: string): void;
  /** Whether the projector reads another stream than it did at the last comparison; undefined = it cannot tell. */
  isBehind(stream: string | undefined): boolean;
  /** Rejects when the fleet refuses the cluster; else settles when stopped. */
  readonly done: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Asks for the inventory until it is there. Throws FleetgateError 'cluster-refused'; once aborted, what went wrong
 * last.
 */
export async function awaitInventory(
  options: Pick<ReconcilerOptions, 'fetch' | 'onProblem'>,
  signal: AbortSignal,
): Promise<Inventory> {
  for (let attempt = 0; ; attempt++) {
    try {
      const inventory = await options.fetch();
      options.onProblem(null);
      return inventory;
    } catch (error) {
      if (signal.aborted || (error instanceof FleetgateError && error.code === 'cluster-refused')) throw error;
      options.onProblem(`the projector does not say what the history holds: ${messageOf(error)}`);
      await pause(backoff(attempt, { minMs: 100, maxMs: 5000 }), signal);
      if (signal.aborted) throw error;
    }
  }
}

/** Starts the periodic comparison; the first one is the caller's. */
export function startReconciler(options: ReconcilerOptions): Reconciler {
  const abort = new AbortController();
  let wake: (() => void) | undefined;
  let reason: string | null = null;
  let { stream } = options;

  async function nextReason(): Promise<string | null> {
    if (reason === null) {
      const due = new AbortController();
      wake = () => due.abort();
      await pause(jittered(options.periodMs), AbortSignal.any([due.signal, abort.signal]));
      wake = undefined;
    }
    const why = reason ?? 'periodic';
    reason = null;
    return abort.signal.aborted ? null : why;
  }

  async function run(): Promise<void> {
    for (let why = await nextReason(); why !== null; why = await nextReason()) {
      options.outbox.beginRefresh();
      const inventory = await awaitInventory(options, abort.signal).catch((error: unknown) => {
        if (abort.signal.aborted) return null;
        throw error;
      });
      if (inventory === null) return;
      ({ stream } = inventory);
      options.outbox.refresh(inventory.items);
      const before = options.outbox.length;
      await options.mirror.compare();
      options.log.info({ reason: why, held: inventory.items.length, sent: options.outbox.length - before }, 'compared');
    }
  }

  const done = run();
  // Whoever waits for it learns of it later; nobody may be waiting yet.
  done.catch(() => undefined);
  return {
    request(why) {
      reason ??= why;
      wake?.();
    },
    isBehind: (named) => named === undefined || named !== stream,
    done,
    async stop() {
      abort.abort();
      await done.catch(() => undefined);
    },
  };
}
