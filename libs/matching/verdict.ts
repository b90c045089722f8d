// A verdict says what becomes of a request or connection.
import type { BackendTls, ExternalAuth, HttpRuleEntry, RetryPolicy } from '#libs/snapshot/entry.ts';
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
      readonly status: 400 | 404 | 421 | 500 | 501;
      readonly reason: string;
      readonly listener?: ListenerOf;
      /** What the listener wants before it says so; absent = nothing. */
      readonly consents?: readonly Consent[];
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

/** `consents` = whom the listener and then the rule ask before this comes about. */
export type Outcome =
  | Forward
  | {
      readonly type: 'redirect';
      readonly status: number;
      readonly location: string;
      readonly responseChanges: readonly HeaderChange[];
      /** Headers that the answer gets for CORS. */
      readonly corsHeaders: readonly Header[];
      readonly consents: readonly Consent[];
    }
  /** Answered to a browser that asks before it sends. */
  | {
      readonly type: 'preflight';
      readonly status: 204;
      readonly headers: readonly Header[];
      /** Of the listener only: a browser sends no credentials with it. */
      readonly consents: readonly Consent[];
    }
  | {
      readonly type: 'error';
      readonly status: 500 | 503;
      readonly reason: string;
      readonly consents: readonly Consent[];
    };

export interface Forward {
  readonly type: 'forward';
  /** At least one; those with weight 0 are left out. */
  readonly shares: readonly Share[];
  readonly timeouts?: HttpRuleEntry['timeouts'];
  readonly retry?: RetryPolicy;
  /** What the shares of invalid backends are answered. */
  readonly noBackendStatus: 500 | 503;
  /** Those of the listener and the rule; the answer to a preflight waits only for the listener's. */
  readonly consents: readonly Consent[];
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
  /** Whom this backend asks beside, after the rule. */
  readonly consents: readonly Consent[];
}

/** One service that is asked; a refusal ends the request, and those behind are not asked. */
export interface Consent {
  /** Whose filter it is. A listener's run before routes are matched, the others after. */
  readonly by: 'listener' | 'rule' | 'backend';
  /** Among the filters of that listener, rule or backend, from 0. */
  readonly index: number;
  readonly protocol: ExternalAuth['protocol'];
  /** Never an invalid one: then nobody can be asked. */
  readonly service: Target;
  /** Put before the path that the service is asked with. */
  readonly pathPrefix?: string;
  /** A longer body is answered 413 before the service is asked; 0 = it sees none. */
  readonly bodyMax: number;
  /** What the client gets where the service refuses, and where it fails or does not answer. */
  readonly refused: 'the answer of the service';
  readonly failed: 403;
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
