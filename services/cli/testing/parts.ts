// For tests: kill -9 of the parts of a running `up`, its servers and Envoy included, and waiting until `up` has them running again.
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

/** The process of a part, waited for where it is just being started. */
export async function pidOf(fleet: DemoFleet, part: string): Promise<number> {
  const pid = await until(
    async () => (await fleet.processes()).get(part),
    (now) => now !== undefined,
  );
  if (pid === undefined) throw new Error(`${part} does not run`);
  return pid;
}

/** Between two things that should not keep step with anything. */
export function anyMoment(upToMs: number): Promise<void> {
  return pause(Math.random() * upToMs);
}
