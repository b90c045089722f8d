// Describes where a gateway stands, and the versions that it has.
import type { Limits } from './limits.ts';
import type { Labels } from '#libs/snapshot/gateway-glob.ts';

/** Describes the row of the table `gateways`. */
export interface GatewayHead {
  /** `cluster/namespace/name`. */
  readonly gateway: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  /** Newest version. */
  readonly head: number;
  /** Version that nodes should serve. */
  readonly serving: number;
  readonly pinned: boolean;
  /** The Gateway object is gone and nothing of it is served. */
  readonly deleted: boolean;
  /** Why the newest content was not made a version; null = it was. */
  readonly alarm: string | null;
  /** Of the Gateway object; the last ones when it is gone. */
  readonly labels: Labels;
  /** Of the Gateway object that the versions are of; null = not known, from before it was stored. */
  readonly uid: string | null;
  /** Those that hold for it; null = not known, from before they were stored. */
  readonly limits: Limits | null;
}

export interface NewVersion {
  readonly gateway: string;
  readonly version: number;
  readonly digest: string;
  readonly entryCount: number;
  readonly cause: 'change' | 'rollback' | 'release';
  /** The version that a rollback goes back to. */
  readonly ofVersion: number | null;
  /** Differences from the version before, by key; hash null = removed. */
  readonly changes: readonly { readonly key: string; readonly hash: string | null }[];
}

/** Names a port that clients of a version connect to. */
export interface VersionPort {
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

/** Holds what one version of a gateway is: entry key → entry hash, and the digest over it. */
export interface VersionContent {
  readonly digest: string;
  readonly entries: ReadonlyMap<string, string>;
  /** Of its listener entries; absent = not known. */
  readonly ports?: readonly VersionPort[];
}

/** Gives the content of a version that a rollback in the batch names. */
export type ContentOf = (gateway: string, version: number) => VersionContent;
