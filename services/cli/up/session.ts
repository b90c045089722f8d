// Accompanies a fleet from its start to Ctrl-C: waits until it serves, says so, then shows what changes.
import { pause } from '#libs/runtime/pause.ts';
import { readGateway } from '../client/fleet-reads.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import { followOverview } from '../overview/live-overview.ts';
import { describeChanges } from '../overview/overview-changes.ts';
import { overviewText } from '../overview/overview-text.ts';
import type { Overview } from '../overview/overview.ts';
import type { StartedFleet } from './fleet.ts';
import { type ListenerUrl, nextSteps } from './next-steps.ts';
import { hostOf } from './ports.ts';
import { untilReady } from './readiness.ts';
import type { Report, ReportForm } from './report.ts';
import type { UpSettings } from './settings.ts';

interface Session {
  readonly settings: UpSettings;
  readonly fleet: StartedFleet;
  readonly client: FleetClient;
  readonly report: Report;
  readonly form: ReportForm;
  /** performance.now() at the start of the command. */
  readonly startedAt: number;
}

const redrawMs = 200;
const agesMs = 10_000;

/** Waits, tells and shows until the signal comes. */
export async function serveUntil(signal: AbortSignal, session: Session): Promise<void> {
  const { settings, fleet, client, report, form, startedAt } = session;
  const clusters = settings.clusters.map(({ name }) => name);
  const complain = (missing: readonly string[]): void =>
    report.tell({ event: 'warning', message: `still waiting: ${missing.join('; ')}` });
  const first = await untilReady(client, fleet.parts, clusters, complain, signal);
  if (first === undefined) return;
  const listeners = await listenerUrls(client, first, settings);
  report.tell({
    event: 'ready',
    tookMs: Math.round(performance.now() - startedAt),
    url: fleet.url,
    data: settings.data,
    listeners,
    next: nextSteps({ ...fleet, settings, form, listeners }),
  });
  for (const message of rejections(first)) report.tell({ event: 'warning', message });
  await show(first, client, report, signal);
}

/** Says what nodes did not take, with the remedy where the reason is a port. */
function rejections({ nodes }: Overview): readonly string[] {
  return nodes.flatMap(({ node, gateways }) =>
    gateways.flatMap(({ gateway, serving, rejected }) => {
      if (rejected === null || rejected.version !== serving) return [];
      const reasons = rejected.reasons.join('; ');
      const remedy = /address already in use/iu.test(reasons)
        ? ' (another program listens there: stop it, or choose other ports with --port-offset)'
        : '';
      return [`${node} rejected version ${rejected.version} of ${gateway}: ${reasons}${remedy}`];
    }),
  );
}

/** Tells changes as lines and draws the table, at most five times a second, and now and then for the ages in it. */
async function show(first: Overview, client: FleetClient, report: Report, signal: AbortSignal): Promise<void> {
  let now = first;
  let told = first;
  let drawn: Overview | undefined;
  const following = followOverview(
    client,
    (overview) => {
      now = overview;
    },
    signal,
  );
  for (let drawAt = 0; !signal.aborted; await pause(redrawMs, signal)) {
    if (now !== told) {
      for (const message of describeChanges(told, now)) report.tell({ event: 'changed', message });
      told = now;
    }
    if (now !== drawn || performance.now() > drawAt) {
      drawn = now;
      drawAt = performance.now() + agesMs;
      report.board((width) => overviewText(now, { now: new Date(), width }));
    }
  }
  await following;
}

async function listenerUrls(
  client: FleetClient,
  { gateways }: Overview,
  { bind, portOffset }: UpSettings,
): Promise<readonly ListenerUrl[]> {
  const host = hostOf(bind);
  const urls: ListenerUrl[] = [];
  for (const { gateway } of gateways.slice(0, 100)) {
    const { listeners } = await readGateway(client, gateway);
    for (const { name, port, protocol } of listeners) {
      const scheme = protocol === 'HTTPS' ? 'https' : 'http';
      if (port !== null) urls.push({ gateway, name, url: `${scheme}://${host}:${port + portOffset}` });
    }
  }
  return urls;
}
