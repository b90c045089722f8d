// Restarts the embedded NATS when its disk was full and has room again: its stream keeps the error until then, so that
// changes would wait for a person who knows that.
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from '#libs/runtime/errors.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { EmbeddedNats } from '#libs/runtime/nats/embedded-nats.ts';
import { connectNats } from '#libs/runtime/nats/nats.ts';
import { backoff, pause } from '#libs/runtime/pause.ts';
import type { Report } from './report.ts';

interface CareOptions {
  readonly server: Pick<EmbeddedNats, 'url' | 'restart'>;
  /** Of the server's data. */
  readonly folder: string;
  readonly report: Report;
  readonly log: Logger;
}

const lookEveryMs = 5000;
/** Where restarts do not help, they become rarer. */
const pauses = { minMs: lookEveryMs, maxMs: 60_000 };
const calmMs = 120_000;
/** With less room the next error would come at once. */
const roomBytes = 4 * 1024 ** 2;

/** Looks after a server until the function that it gives is called. */
export function careForNats(options: CareOptions): () => Promise<void> {
  const stopping = new AbortController();
  const caring = care(options, stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted) options.log.error({ err: error }, 'NATS is not looked after any more');
  });
  return async () => {
    stopping.abort();
    await caring;
  };
}

async function care({ server, folder, report, log }: CareOptions, signal: AbortSignal): Promise<void> {
  const nats = await connectNats({ url: server.url, name: 'fleetgate up', log, signal });
  try {
    let [isTold, restarts, restartedAt] = [false, 0, 0];
    while (!signal.aborted) {
      await pause(backoff(restarts, pauses), signal);
      const fault = nats.connected && !signal.aborted ? await nats.storeFault() : undefined;
      if (fault === undefined) {
        isTold = false;
        if (performance.now() - restartedAt > calmMs) restarts = 0;
      } else if (await hasRoom(folder, log)) {
        const message = `NATS stored nothing (${fault}). Its disk has room again: it is restarted`;
        report.tell({ event: 'warning', message });
        await server.restart();
        [restarts, restartedAt] = [restarts + 1, performance.now()];
      } else if (!isTold) {
        const message = `NATS stores nothing (${fault}). Make room for ${folder}: then it is restarted by itself`;
        report.tell({ event: 'warning', message });
        isTold = true;
      }
    }
  } finally {
    await nats.close();
  }
}

/** Tells by a write whether a folder takes some: quotas and read-only disks count, too. */
async function hasRoom(folder: string, log: Logger): Promise<boolean> {
  const path = join(folder, 'room');
  try {
    const file = await open(path, 'w', 0o600);
    try {
      await file.writeFile(new Uint8Array(roomBytes));
      await file.sync();
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    log.debug({ reason: messageOf(error) }, 'there is no room');
    return false;
  } finally {
    await rm(path, { force: true }).catch(() => undefined);
  }
}
