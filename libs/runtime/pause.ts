// Waits: for a time, for a signal, and between tries for longer each time.

interface Bounds {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Resolves after `ms`, or at once when the signal is or gets aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Milliseconds before try `attempt` + 1 (from 0): doubles from min to max, with a random quarter taken off. */
export function backoff(attempt: number, bounds: Bounds): number {
  return longestWait(attempt, bounds) * (1 - Math.random() / 4);
}

/**
 * Milliseconds as `backoff` has them, but anywhere between nothing and all of it, so that a crowd does not come at
 * once.
 */
export function fullJitter(attempt: number, bounds: Bounds): number {
  return Math.random() * longestWait(attempt, bounds);
}

/** Resolves once the signal is aborted; at once where it is already. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function longestWait(attempt: number, { minMs, maxMs }: Bounds): number {
  return Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30));
}
