// Waits in tests for what another process does.

/**
 * Calls until it returns something other than undefined or false, and returns that; the last error or value is in the
 * message when time is up.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  options: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<Exclude<T, undefined | false>> {
  const timeoutMs = options.timeoutMs ?? 45_000;
  const giveUpAt = performance.now() + timeoutMs;
  let last: unknown;
  do {
    try {
      const value = await check();
      if (isResult(value)) return value;
      last = value;
    } catch (error) {
      last = error;
    }
    await new Promise((resolve) => {
      setTimeout(resolve, options.everyMs ?? 10);
    });
  } while (performance.now() < giveUpAt);
  throw new Error(`not within ${timeoutMs} ms; last: ${String(last)}`, { cause: last });
}

function isResult<T>(value: T): value is Exclude<T, undefined | false> {
  return value !== undefined && value !== false;
}
