// Holds how a connection to NATS behaves: it reconnects for ever, notices a silent server, and listens to its own
// inboxes.
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
