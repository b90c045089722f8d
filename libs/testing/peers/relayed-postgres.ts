// Stands between a service and a real Postgres, and takes it away in the two ways in which servers go: it hangs
// without a word, or refuses.
import { type Socket, connect, createServer } from 'node:net';
import type { Teardown } from './throwaway.ts';
import { listenFor } from './listening.ts';

interface RelayedPostgres {
  /** The database by way of the relay. */
  readonly url: string;
  /** hangs: connections stay open and nothing passes. refuses: connections end, and no new one lives. */
  become(state: 'serves' | 'hangs' | 'refuses'): void;
}

/** Starts a relay to the Postgres of a URL. */
export async function relayPostgres(test: Teardown, url: string): Promise<RelayedPostgres> {
  let state: 'serves' | 'hangs' | 'refuses' = 'serves';
  const pairs = new Set<readonly [Socket, Socket]>();
  const direct = new URL(url);
  const folder = direct.searchParams.get('host');
  const port = Number(direct.port);
  const server = createServer({ pauseOnConnect: true }, (near) => {
    const far =
      folder === null ? connect({ host: direct.hostname, port }) : connect({ path: `${folder}/.s.PGSQL.${port}` });
    const pair = [near, far] as const;
    pairs.add(pair);
    for (const socket of pair) socket.on('error', () => undefined);
    near.on('data', (chunk) => far.write(chunk));
    far.on('data', (chunk) => near.write(chunk));
    near.on('close', () => far.destroy());
    far.on('close', () => {
      near.destroy();
      pairs.delete(pair);
    });
    apply(pair);
  });
  const apply = ([near, far]: readonly [Socket, Socket]): void => {
    if (state === 'refuses') near.destroy();
    for (const socket of [near, far]) {
      if (state === 'hangs') socket.pause();
      else socket.resume();
    }
  };
  test.teardown(() => {
    for (const [near] of pairs) near.destroy();
  });
  const relayPort = await listenFor(test, server);
  const relayed = new URL(url);
  relayed.search = '';
  relayed.hostname = '127.0.0.1';
  relayed.port = String(relayPort);
  return {
    url: relayed.href,
    become(next) {
      state = next;
      for (const pair of pairs) apply(pair);
    },
  };
}
