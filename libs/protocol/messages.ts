// Declares what hub and node say over the WebSocket `/v1/node`: one JSON object per text message. Protocol versions,
// newest last:
//   1  hello, snapshot (full or delta), discovery, applied, rejected, ping, bye
//      later: an item of hello.serves may end with a label selector (`?key=value,…`); a hub that does not know them
//      sends such a node nothing
//      later: goodbye; a hub that does not know it closes the connection and keeps counting the node
//      later: hello.understands; a hub sends no snapshot that needs more than a node says, and none needs anything
//      for a node that says nothing
import type { DiscoveryItem } from '#libs/snapshot/discovery.ts';
import type { StoredEntry } from '#libs/snapshot/entry.ts';

export const protocolVersion = 1;

/** Close codes beside those of RFC 6455. */
export const closeCodes = {
  badMessage: 4400,
  unauthorized: 4401,
  protocolVersion: 4406,
  replaced: 4409,
  goingAway: 1001,
} as const;

export interface Held {
  readonly gateway: string;
  readonly version: number;
  readonly digest: string;
}

// ---- node → hub

/** First message of a node. */
export interface Hello {
  readonly type: 'hello';
  readonly protocol: number;
  /** Stable name of the node. */
  readonly node: string;
  readonly version: string;
  readonly labels: Readonly<Record<string, string>>;
  /**
   * What this node serves: globs over `cluster/namespace/name` (`*` matches within one part), each with `?` and a label
   * selector or not.
   */
  readonly serves: readonly string[];
  /** What it knows of entries beyond their first form (entry-needs.ts); absent = nothing. */
  readonly understands?: readonly string[] | undefined;
  /** Where clients reach this node's listeners: IP addresses or host names, for the Gateway's status. */
  readonly addresses: readonly string[];
  /** What it serves now. */
  readonly held: readonly Held[];
  /** Discovery that it holds: key → hash. */
  readonly discovery: Readonly<Record<string, string>>;
}

/** Requests are answered by this version. */
export interface Applied extends Held {
  readonly type: 'applied';
  /** From receipt to answered, ms. */
  readonly tookMs: number;
}

/** Not taken; `serving` is what still answers, null = nothing. */
export interface Rejected extends Held {
  readonly type: 'rejected';
  readonly reasons: readonly string[];
  readonly serving: Held | null;
}

/** Delta does not fit or digest differs: send the full snapshot. */
export interface Resend {
  readonly type: 'resend';
  readonly gateway: string;
}

/** Every 10 s. The hub answers with pong. */
export interface Ping {
  readonly type: 'ping';
  readonly held: readonly Held[];
  readonly envoy: 'live' | 'down';
}

/**
 * Last message of a node that has stopped together with its Envoy: it does not count any more. A node that is killed,
 * or leaves its Envoy running, does not say it, and is unknown.
 */
interface Goodbye {
  readonly type: 'goodbye';
}

export type NodeMessage = Hello | Applied | Rejected | Resend | Ping | Goodbye;

// ---- hub → node

/**
 * Full when base is null; else the change from base. A gateway that is deleted, or not for the node any more, is a
 * version without entries.
 */
export interface SnapshotMessage extends Held {
  readonly type: 'snapshot';
  readonly base: { readonly version: number; readonly digest: string } | null;
  readonly upserts: readonly (StoredEntry & { readonly key: string })[];
  /** Keys. */
  readonly removes: readonly string[];
}

/**
 * Always to the newest. Comes before a snapshot that needs it; removes come only after the node applied one that does
 * not.
 */
export interface DiscoveryMessage {
  readonly type: 'discovery';
  readonly upserts: readonly { readonly key: string; readonly hash: string; readonly item: DiscoveryItem }[];
  readonly removes: readonly string[];
}

interface Pong {
  readonly type: 'pong';
}

export type HubMessage = SnapshotMessage | DiscoveryMessage | Pong;
