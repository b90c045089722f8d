// Connects commands to NATS in the background: control serves without it, and refuses commands until it is there.
import type { Logger } from '#libs/runtime/log.ts';
import { type Nats, connectNats } from '#libs/runtime/nats/nats.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import type { ControlOptions } from '../options.ts';
import type { Commands } from './commands.ts';

/** Tries until NATS can be used or the signal; `close` ends the connection. */
export function connectCommands(
  { natsUrl, natsToken, natsCredentials }: ControlOptions,
  commands: Commands,
  log: Logger,
  signal: AbortSignal,
): { close(): Promise<void> } {
  const credentials = { token: natsToken, credentials: natsCredentials };
  let nats: Nats | undefined;
  const connect = async (): Promise<void> => {
    for (let attempt = 0; nats === undefined && !signal.aborted; attempt++) {
      try {
        nats = await connectNats({ url: natsUrl, name: 'fleetgate control', log, signal, ...credentials });
        commands.attach(nats);
      } catch (error) {
        if (!signal.aborted) log.error({ err: error }, 'NATS cannot be used: commands are refused');
        await pause(backoff(attempt, { minMs: 100, maxMs: 5000 }), signal);
      }
    }
  };
  const connecting = connect();
  return {
    async close() {
      await connecting;
      await nats?.close();
    },
  };
}
