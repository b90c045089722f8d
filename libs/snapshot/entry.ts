// The unit of a snapshot. An entry is plain JSON, named by a key, identified by the SHA-256 of its canonical JSON.
//
//   listener/<name>                              one accepted listener of the gateway
//   rule/<kind>/<namespace>/<name>/<index>       one rule of one route (its cluster is the gateway's)
//   backend/<cluster>/<namespace>/<service>/<port>   one port of one Service, with how to speak to it

import type { HeaderChange, PathChange, Redirect } from '#libs/gateway/http-filter.ts';
import type { HttpMatch } from '#libs/gateway/http-match.ts';

export type { HeaderChange, PathChange, Redirect } from '#libs/gateway/http-filter.ts';
export type { HttpMatch, StringMatch } from '#libs/gateway/http-match.ts';

/** One accepted listener. Invalid listeners have conditions and no entry. */
export interface ListenerEntry {
  readonly kind: 'listener';
  readonly name: string;
  readonly port: number;
  readonly protocol: 'HTTP' | 'HTTPS';
  /** Lower case; '*' = any host, '*.example.com' = wildcard. */
  readonly hostname: string;
  /** Discovery keys `tls/<cluster>/<namespace>/<name>`, HTTPS only, in the order of certificateRefs. */
  readonly certificates: readonly string[];
  /** creationTimestamp of the Gateway: the older one wins where gateways share a port and hostname on one node. */
  readonly createdAt: string;
}

export type HttpFilter =
  | ({ readonly type: 'request-headers' } & HeaderChange)
  | ({ readonly type: 'response-headers' } & HeaderChange)
  | { readonly type: 'rewrite'; readonly hostname?: string; readonly path?: PathChange }
  | {
      readonly type: 'mirror';
      readonly backend: BackendChoice;
      readonly numerator: number;
      readonly denominator: number;
    };

/** A backend by its entry key, or why there is none (the share of requests that it would get is answered 500). */
export type BackendChoice = { readonly key: string } | { readonly invalid: string };

export type WeightedBackend = BackendChoice & { readonly weight: number; readonly filters: readonly HttpFilter[] };

export type RuleAction =
  | { readonly type: 'forward'; readonly backends: readonly WeightedBackend[] }
  | { readonly type: 'redirect'; readonly redirect: Redirect }
  /** The rule cannot be honoured (for example an unknown filter): answers 500 on its matches. */
  | { readonly type: 'invalid'; readonly reason: string };

export interface HttpRuleEntry {
  readonly kind: 'http-rule';
  readonly route: {
    readonly kind: 'HTTPRoute' | 'GRPCRoute';
    readonly cluster: string;
    readonly namespace: string;
    readonly name: string;
    readonly createdAt: string;
  };
  readonly index: number;
  readonly name?: string;
  /** Where it is attached: listener and effective hostname (the intersection), sorted; at least one. */
  readonly hosts: readonly { readonly listener: string; readonly hostname: string }[];
  /** At least one. */
  readonly matches: readonly HttpMatch[];
  readonly filters: readonly HttpFilter[];
  readonly action: RuleAction;
  /** Whole request and one attempt, in ms; 0 = no limit. */
  readonly timeouts?: { readonly requestMs?: number; readonly backendRequestMs?: number };
}

export interface BackendEntry {
  readonly kind: 'backend';
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  /** Service port. */
  readonly port: number;
  /** From appProtocol; h2c = HTTP/2 with prior knowledge. */
  readonly protocol: 'http' | 'h2c' | 'websocket';
  /** Discovery key `endpoints/<cluster>/<namespace>/<service>/<port>`. */
  readonly endpoints: string;
}

export type Entry = ListenerEntry | HttpRuleEntry | BackendEntry;

/** One entry as it is stored and sent: canonical JSON text and its SHA-256. */
export interface StoredEntry {
  readonly hash: string;
  readonly json: string;
}
