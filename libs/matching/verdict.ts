// A verdict says what becomes of a request or connection.
import type { BackendTls, HttpRuleEntry, RetryPolicy } from '#libs/snapshot/entry.ts';
import type { HeaderChange } from '#libs/gateway/filters/http-filter.ts';
import type { ListenerOf, StreamRuleOf } from './port-table.ts';
import type { Header } from './request.ts';
import type { RuleOf } from './rule-table.ts';

export type Verdict =
  /** Nothing listens there. */
  | { readonly type: 'refused'; readonly reason: string; readonly listener?: undefined }
  /** The connection is closed without an answer. */
  | { readonly type: 'closed'; readonly reason: string; readonly listener?: ListenerOf }
  /** The request is reset without an answer, and its connection stays (HTTP/2). */
  | { readonly type: 'reset'; readonly reason: string; readonly listener?: undefined }
  | StreamVerdict
  /** Answered without a rule. */
  | {
      readonly type: 'unrouted';
      readonly status: 400 | 404 | 421 | 501;
      readonly reason: string;
      readonly listener?: ListenerOf;
    }
  | RuleVerdict;

/** A rule for connections takes it. */
export interface StreamVerdict {
  readonly type: 'stream';
  readonly listener: ListenerOf;
  readonly hostname: string;
  readonly rule: StreamRuleOf;
  readonly shares: readonly { readonly backend: Target; readonly share: number }[];
}

/** A rule answers. */
export interface RuleVerdict {
  readonly type: 'rule';
  readonly listener: ListenerOf;
  /** Of the rule, where it is attached. */
  readonly hostname: string;
  readonly rule: RuleOf;
  /** Index of the match. */
  readonly match: number;
  readonly outcome: Outcome;
}

export type Outcome =
  | Forward
  | {
      readonly type: 'redirect';
      readonly status: number;
      readonly location: string;
      readonly responseChanges: readonly HeaderChange[];
      /** Headers that the answer gets for CORS. */
      readonly corsHeaders: readonly Header[];
    }
  /** Answered to a browser that asks before it sends. */
  | { readonly type: 'preflight'; readonly status: 204; readonly headers: readonly Header[] }
  | { readonly type: 'error'; readonly status: 500 | 503; readonly reason: string };

export interface Forward {
  readonly type: 'forward';
  /** At least one; those with weight 0 are left out. */
  readonly shares: readonly Share[];
  readonly timeouts?: HttpRuleEntry['timeouts'];
  readonly retry?: RetryPolicy;
  /** What the shares of invalid backends are answered. */
  readonly noBackendStatus: 500 | 503;
}

/** One backend and what it gets. */
export interface Share {
  readonly backend: Target;
  /** 0 < share ≤ 1. */
  readonly share: number;
  readonly request: BackendRequest;
  readonly responseChanges: readonly HeaderChange[];
  /** Headers that the answer gets for CORS. */
  readonly corsHeaders: readonly Header[];
  /** The request is a preflight, and where this backend is chosen it is answered 204 with these headers. */
  readonly preflight?: readonly Header[];
  readonly mirrors: readonly { readonly backend: Target; readonly share: number }[];
}

/** A backend by its entry key and whom it must be by TLS, if it is spoken to so; or why its share is answered 500. */
export type Target = { readonly key: string; readonly tls?: BackendTls } | { readonly invalid: string };

/** A request as a backend sees it, without what HTTP and Envoy themselves add. */
export interface BackendRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly host: string;
  readonly headers: readonly Header[];
}
