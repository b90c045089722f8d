// Waits until a fleet is ready: every part says that it is, every cluster was read once, a node is connected, and it
// serves every gateway's version.
import { z } from 'zod';
import { messageOf } from '#libs/runtime/errors.ts';
import { pause } from '#libs/runtime/pause.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import { type Overview, readOverview } from '../overview/overview.ts';
import type { PartSpec } from './part.ts';

const lookEveryMs = 100;
const complainEveryMs = 15_000;
/** A fleet without any gateway is ready too, but the first ones need a moment to be seen. */
const settledLooks = 3;
const answerWithinMs = 2000;
const readiness = z.object({ reasons: z.array(z.string()) });

/** Gives the first overview of a ready fleet, undefined when the signal came first; `complain` gets what is missing. */
export async function untilReady(
  client: FleetClient,
  parts: readonly PartSpec[],
  clusters: readonly string[],
  complain: (missing: readonly string[]) => void,
  signal: AbortSignal,
): Promise<Overview | undefined> {
  let complainAt = performance.now() + complainEveryMs;
  for (let settled = 0; !signal.aborted;) {
    const { overview, missing } = await look(client, parts, clusters);
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

/** Says what still keeps the fleet from serving everything that it was told, a sentence each; empty = it does. */
export function whatIsMissing({ clusters, gateways, nodes }: Overview, wanted: readonly string[]): readonly string[] {
  const missing: string[] = [];
  for (const name of wanted) {
    const agent = clusters.find((cluster) => cluster.name === name)?.agent;
    if (agent?.synced === true) continue;
    const problem = agent?.problems[0];
    missing.push(`cluster ${name} is not read yet${problem === undefined ? '' : ` (${problem})`}`);
  }
  if (!nodes.some(({ status }) => status === 'connected')) missing.push('no node is connected');
  for (const { gateway, serving, deleted, nodes: at } of gateways) {
    if (deleted || serving === 0 || at.rejected > 0) continue;
    if (at.applied < Math.max(1, at.connected)) missing.push(`${gateway} is not applied by every node`);
  }
  return missing;
}

async function look(
  client: FleetClient,
  parts: readonly PartSpec[],
  clusters: readonly string[],
): Promise<{ readonly overview?: Overview; readonly missing: readonly string[] }> {
  // The parts first: what the database says may be what an earlier run left there.
  const unready = (await Promise.all(parts.map(whyUnready))).flat();
  try {
    const overview = await readOverview(client);
    // A node may not take what it is told; that is shown, and not waited for.
    const isRejected = overview.gateways.some(({ nodes }) => nodes.rejected > 0);
    const missing = unready.filter(({ part }) => part !== 'proxy' || !isRejected).map(({ reason }) => reason);
    return { overview, missing: [...missing, ...whatIsMissing(overview, clusters)] };
  } catch (error) {
    return { missing: [messageOf(error)] };
  }
}

/** Asks a part at /readyz why it is not ready; no sentence when it is, or when it has nothing to say it with. */
async function whyUnready({
  name,
  health,
}: PartSpec): Promise<readonly { readonly part: string; readonly reason: string }[]> {
  if (health === undefined) return [];
  try {
    const answer = await fetch(`${health}/readyz`, { signal: AbortSignal.timeout(answerWithinMs) });
    if (answer.ok) return [];
    const { reasons } = readiness.parse(await answer.json());
    return reasons.map((reason) => ({ part: name, reason: `${name}: ${reason}` }));
  } catch (error) {
    return [{ part: name, reason: `${name} does not answer (${messageOf(error)})` }];
  }
}
