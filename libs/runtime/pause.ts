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

/** Gives the milliseconds before try `attempt` + 1 (from 0): they double from min to max, less a random quarter. */
export function backoff(attempt: number, bounds: Bounds): number {
  return longestWait(attempt, bounds) * (1 - Math.random() / 4);
}

/** Gives milliseconds as `backoff` does, but anywhere down to nothing, so that a crowd does not come at once. */
export function fullJitter(attempt: number, bounds: Bounds): number {
  return Math.random() * longestWait(attempt, bounds);
}

/** The time ± 10 %, so that many that do the same do not move in step. */
export function jittered(ms: number): number {
  return ms * (0.9 + Math.random() * 0.2);
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
