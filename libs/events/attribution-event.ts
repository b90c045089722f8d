// An attribution says of a change that was told before who asked the API server for it. It is a fact of its own, so
// that no change waits for it: what Kubernetes' audit says comes up to half a minute later. It folds into nothing. This
// is version 1.
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import type { FactPlace } from './fact-place.ts';

/**
 * How far the author is known. `verified`: Kubernetes' audit names the request by uid and resulting version, or, for a
 * deletion, by uid. `admission`: an admission webhook saw a request with this very content; who impersonates is not
 * known. `one-of`: the requests are those that can have had a part in the change; with a single one, others may have
 * had a part of which nothing was told. `unknown`: nothing that was told fits, though it was waited for.
 */
export const certainties = ['verified', 'admission', 'one-of', 'unknown'] as const;

/**
 * What a request did to an object that is gone: `asked` for its deletion, or removed the last `finalizer`, after which
 * it went.
 */
export const deletionRoles = ['asked', 'finalizer'] as const;

/**
 * The same agent published the change before. Of several attributions of one change the surest holds, and of those the
 * newest: a first `unknown` becomes `verified` when the audit comes late.
 */
export interface AttributionEvent extends FactPlace {
  readonly v: 1;
  readonly type: 'attributed';
  readonly certainty: (typeof certainties)[number];
  /**
   * None where unknown. Else one, or several: where `one-of`; of a deletion, one for each role; and where one person
   * made a change by several requests of which the agent saw only the last state (then `verified`). Ordered by `at`.
   */
  readonly requests: readonly AttributedRequest[];
}

export interface AttributedRequest {
  /** Who was authenticated. Behind an impersonation, who impersonates. */
  readonly user: RequestUser;
  /** As whom the request was made. Never known by `admission`: there it is `user`. */
  readonly impersonatedUser?: RequestUser;
  /** '' where it was not told. */
  readonly userAgent: string;
  /** As the API server saw them, the client's first; none by `admission`. */
  readonly sourceIPs: readonly string[];
  /** The audit's id, or by `admission` the review's. */
  readonly auditId: string;
  /** create, update, patch, delete, deletecollection. */
  readonly verb: string;
  /** RFC 3339: when the API server received it. */
  readonly at: string;
  /** As the request named it. */
  readonly fieldManager?: string;
  /** For deletions only. */
  readonly role?: (typeof deletionRoles)[number];
}

export interface RequestUser {
  readonly username: string;
  /** '' where there is none. */
  readonly uid: string;
  readonly groups: readonly string[];
}

/** How many requests and groups an attribution names at most; whoever publishes one cuts to it. */
export const attributedMax = { requests: 16, groups: 64, addresses: 16 } as const;

/** Gives the Nats-Msg-Id of an attribution, and its id in the history: the same finding is one event. */
export function attributionMessageId(event: Omit<AttributionEvent, 'seenAt'>): string {
  const found = event.requests.map(({ auditId, role }) => [auditId, role ?? '']);
  return `${event.change}/attributed/${sha256(canonicalJson([event.certainty, found])).slice(0, 16)}`;
}
