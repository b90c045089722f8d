// When is a fleet ready: control answers, every cluster was read once, a node is connected, and it serves every gateway's version.
import { messageOf } from '#libs/runtime/errors.ts';
import { pause } from '#libs/runtime/pause.ts';
import type { FleetClient } from '../fleet-client.ts';
import { type Overview, readOverview, whatIsMissing } from '../overview.ts';

const lookEveryMs = 100;
const complainEveryMs = 15_000;
/** A fleet without any gateway is ready too, but the first ones need a moment to be seen. */
const settledLooks = 3;

/** Resolves with the first overview of a ready fleet, or undefined when the signal came first. `complain` gets what it waits for. */
export async function untilReady(
  client: FleetClient,
  clusters: readonly string[],
  complain: (missing: readonly string[]) => void,
  signal: AbortSignal,
): Promise<Overview | undefined> {
  let complainAt = performance.now() + complainEveryMs;
  for (let settled = 0; !signal.aborted;) {
    const { overview, missing } = await look(client, clusters);
    settled = missing.length === 0 ? settled + 1 : 0;
    if (overview !== undefined && missing.length === 0 && (overview.gateways.length > 0 || settled >= settledLooks)) {
      return overview;
    }
    if (performance.now() > complainAt) {
      complain(missing);
      complainAt = performance.now() + complainEveryMs;
    }
    await pause(lookEveryMs, signal);
  }
  return undefined;
}

async function look(
  client: FleetClient,
  clusters: readonly string[],
): Promise<{ readonly overview?: Overview; readonly missing: readonly string[] }> {
  try {
    const overview = await readOverview(client);
    return { overview, missing: whatIsMissing(overview, clusters) };
  } catch (error) {
    return { missing: [messageOf(error)] };
  }
}
