// Says how long a reflector waits for what.
import { fullJitter, jittered } from '#libs/runtime/pause.ts';

/** Says how long a reflector waits; times in milliseconds where the name does not say otherwise. */
export interface ReflectorTiming {
  readonly watchTimeoutSeconds: () => number;
  /** No byte for this long: the connection is dead. */
  readonly silenceMs: (timeoutSeconds: number, hasBookmarks: boolean) => number;
  readonly relistMs: () => number;
  /** What a list shows beside the watch is believed missed after this. */
  readonly settleMs: number;
  /** A watch that ends sooner, without an event, was no use. */
  readonly shortWatchMs: number;
  readonly failuresBeforeList: number;
  /** Wait after the given number of failures in a row, from 1. */
  readonly backoffMs: (failures: number) => number;
}

const second = 1000;

/** Holds the timing against a real API server. */
export const defaultTiming: ReflectorTiming = {
  watchTimeoutSeconds: () => Math.round(280 + Math.random() * 20),
  silenceMs: (timeoutSeconds, hasBookmarks) => (hasBookmarks ? 180 * second : (timeoutSeconds + 15) * second),
  relistMs: () => jittered(600 * second),
  settleMs: second,
  shortWatchMs: second,
  failuresBeforeList: 5,
  // The first try comes at once: most often one connection broke, or the server restarted.
  backoffMs: (failures) => fullJitter(failures, { minMs: 100, maxMs: 10 * second }),
};
