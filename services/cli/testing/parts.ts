// For tests: kills (-9) the parts of a running `up`, its servers and Envoy included, and waits until `up` has them
// running again.
import { setTimeout as pause } from 'node:timers/promises';
import { signalProcess } from '#libs/runtime/process/process-identity.ts';
import { type DemoFleet, until } from './demo-fleet.ts';

/** Kills a part; resolves at once, with a function that waits until it runs again. */
export async function kill(fleet: DemoFleet, part: string): Promise<() => Promise<void>> {
  const pid = await pidOf(fleet, part);
  signalProcess(pid, 'SIGKILL');
  return async () => {
    await until(
      async () => (await fleet.processes()).get(part),
      (now) => now !== undefined && now !== pid,
    );
  };
}

/** Finds the process of a part, and waits for it where it is just being started. */
export async function pidOf(fleet: DemoFleet, part: string): Promise<number> {
  const pid = await until(
    async () => (await fleet.processes()).get(part),
    (now) => now !== undefined,
  );
  if (pid === undefined) throw new Error(`${part} does not run`);
  return pid;
}

/** Waits for any time, between two things that should not keep step with anything. */
export function anyMoment(upToMs: number): Promise<void> {
  return pause(Math.random() * upToMs);
}
