// Holds how a connection to NATS behaves: it reconnects for ever, notices a silent server, and listens to its own
// inboxes; and what its user says of it.
import type { Logger } from '#libs/runtime/log.ts';

/** Says where NATS is and who connects. */
export interface NatsOptions {
  /** `nats://user:password@host:port`, `nats://token@host`, `tls://…`; several separated by commas. */
  readonly url: string;
  /** Shown by the server. */
  readonly name: string;
  readonly log: Logger;
  /** Ends the waiting for the first connection. */
  readonly signal?: AbortSignal | undefined;
  /** Copies of the stream; 3 in a cluster of servers. */
  readonly replicas?: number;
  /** Counts where the URL holds no credentials. */
  readonly token?: string | undefined;
  /** Contents of a credentials file. */
  readonly credentials?: string | undefined;
}

export const connectionSettings = {
  inboxPrefix: '_INBOX',
  maxReconnectAttempts: -1,
  // A server that refuses us may be one that is being set up.
  ignoreAuthErrorAbort: true,
  reconnectTimeWait: 100,
  reconnectJitter: 100,
  pingInterval: 10_000,
  maxPingOut: 2,
  timeout: 5000,
} as const;
