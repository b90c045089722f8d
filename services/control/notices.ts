// Takes what Postgres notifies of to those that it concerns: commits, reports of nodes, revoked tokens.
import type { Logger } from '#libs/runtime/log.ts';
import { type Listening, listen } from '#libs/runtime/postgres/postgres.ts';
import type { ChangeStreams } from './api/change-streams.ts';
import type { NodeWaits } from './commands/node-waits.ts';
import type { FleetFeed } from './hub/fleet-feed.ts';
import type { Hub } from './hub/hub.ts';
import type { TokenBook } from './access/tokens.ts';

/** The parts of control that act on a notice. */
interface NoticeTakers {
  readonly feed: FleetFeed;
  readonly hub: Hub;
  readonly waits: NodeWaits;
  readonly streams: ChangeStreams;
  readonly tokens: TokenBook;
}

const channels = ['fleetgate_commit', 'fleetgate_nodes', 'fleetgate_tokens'];

/** Listens until the signal. A null payload means that something may have been missed. */
export function listenForNotices(
  databaseUrl: string,
  { feed, hub, waits, streams, tokens }: NoticeTakers,
  log: Logger,
  signal: AbortSignal,
): Promise<Listening> {
  const onNotify = (channel: string, payload: string | null): void => {
    if (channel === 'fleetgate_commit') feed.notice();
    else if (channel === 'fleetgate_nodes') {
      waits.notify(payload);
      streams.node(payload);
    } else {
      tokens.forget(payload);
      hub.tokensChanged();
    }
  };
  return listen(databaseUrl, channels, onNotify, log, signal);
}
