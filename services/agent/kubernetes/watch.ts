// Makes one watch request on a collection, from open to end, and says how it ended. It never throws and never goes
// silent: the server closes it after its timeout, and a watchdog does when nothing comes for longer than that.
import { isRecord } from '#libs/gateway/fields/record.ts';
import { messageOf } from '#libs/runtime/errors.ts';
import type { ApiClient } from './api-client.ts';
import { JsonLines } from './json-lines.ts';
import type { Collection } from './list.ts';

/** Says what happened to an object, or how far the watch has come. */
export type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: unknown }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

/**
 * closed: by the server, cleanly. expired: the resourceVersion is too old (410). missing: there is no such collection
 * (404). failed: anything else; `status` 0 = the connection broke.
 */
export interface WatchEnd {
  readonly reason: 'closed' | 'expired' | 'missing' | 'failed';
  readonly status: number;
  readonly message: string;
  readonly retryAfterMs: number | null;
}

interface WatchOptions {
  readonly client: ApiClient;
  readonly collection: Collection;
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
  readonly silenceMs: number;
  /** The events that one chunk completed; awaited before more is read. */
  readonly onEvents: (events: readonly WatchEvent[]) => void | Promise<void>;
  readonly onOpen: () => void;
  readonly signal: AbortSignal;
}

/** Watches until the end, and says how it came. */
export async function watchOnce(options: WatchOptions): Promise<WatchEnd> {
  const silence = new AbortController();
  const watchdog = setTimeout(() => silence.abort(), options.silenceMs);
  try {
    const signal = AbortSignal.any([options.signal, silence.signal]);
    return await readWatch(options, signal, () => watchdog.refresh());
  } catch (error) {
    return failed(silence.signal.aborted ? `nothing came for ${options.silenceMs} ms` : messageOf(error));
  } finally {
    clearTimeout(watchdog);
  }
}

async function readWatch(options: WatchOptions, signal: AbortSignal, onChunk: () => void): Promise<WatchEnd> {
  const { collection, client, resourceVersion, timeoutSeconds } = options;
  const query = {
    watch: '1',
    allowWatchBookmarks: 'true',
    resourceVersion,
    timeoutSeconds: String(timeoutSeconds),
    ...(collection.fieldSelector === undefined ? {} : { fieldSelector: collection.fieldSelector }),
    ...(collection.labelSelector === undefined ? {} : { labelSelector: collection.labelSelector }),
  };
  const { status, message, retryAfterMs, chunks } = await client.stream({ path: collection.path, query, signal });
  if (chunks === null) return { ...endOf(status, message), retryAfterMs };
  options.onOpen();
  const lines = new JsonLines();
  for await (const chunk of chunks) {
    onChunk();
    const { events, end } = readLines(lines, chunk);
    if (events.length > 0) {
      const taken = options.onEvents(events);
      if (taken !== undefined) await taken;
    }
    if (end !== null) return end;
  }
  return lines.isPartial ? failed('the stream ended in the middle of an event') : endOf(200, '');
}

/** Reads the good events before the first line that ends the watch. */
function readLines(
  lines: JsonLines,
  chunk: Uint8Array,
): { readonly events: readonly WatchEvent[]; readonly end: WatchEnd | null } {
  const events: WatchEvent[] = [];
  for (const line of lines.push(chunk)) {
    if (!line.ok) return { events, end: failed(line.problem) };
    const event = readEvent(line.value);
    if ('reason' in event) return { events, end: event };
    events.push(event);
  }
  return { events, end: null };
}

function readEvent(value: unknown): WatchEvent | WatchEnd {
  if (!isRecord(value) || !isRecord(value['object'])) return failed('a line is no watch event');
  const { type, object } = value;
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
      return { type, object };
    case 'BOOKMARK': {
      const version = isRecord(object['metadata']) ? object['metadata']['resourceVersion'] : undefined;
      return typeof version === 'string' ? { type, resourceVersion: version } : failed('a bookmark without a version');
    }
    case 'ERROR': {
      const { code, message } = object;
      return endOf(typeof code === 'number' ? code : 500, typeof message === 'string' ? message : 'ERROR event');
    }
    default:
      return failed('a watch event of an unknown type');
  }
}

function endOf(status: number, message: string): WatchEnd {
  const reason = status === 200 ? 'closed' : status === 410 ? 'expired' : status === 404 ? 'missing' : 'failed';
  return { reason, status, message, retryAfterMs: null };
}

function failed(message: string): WatchEnd {
  return { reason: 'failed', status: 0, message, retryAfterMs: null };
}
