// Waiting: a pause that a signal ends, and how long to wait between tries.

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
export function backoff(attempt: number, bounds: { readonly minMs: number; readonly maxMs: number }): number {
  const full = Math.min(bounds.maxMs, bounds.minMs * 2 ** Math.min(attempt, 30));
  return full * (1 - Math.random() / 4);
}
