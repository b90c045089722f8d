// Asks a projector whether it is ready, until it says what is waited for.
import { eventually } from '#libs/testing/eventually.ts';

/** Waits for that status of /readyz; gives what it says. */
export async function readinessAnswer(port: number, status: number, says: RegExp, timeoutMs: number): Promise<string> {
  return eventually(
    async () => {
      const response = await fetch(`http://127.0.0.1:${port}/readyz`);
      const body = await response.text();
      if (response.status !== status || !says.test(body)) throw new Error(body);
      return body;
    },
    { timeoutMs, everyMs: 100 },
  );
}
