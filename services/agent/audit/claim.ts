// A claim is what one request says that it did to one object, as Kubernetes' audit or an admission webhook tells it.
// Whether it was this request that made a version that the agent saw is judged elsewhere (judge.ts).
import type { AttributedRequest } from '#libs/events/attribution-event.ts';

/**
 * What a request did. `wrote` is exact: the version that it made. `deleted`: the object went, or was marked where it
 * has finalizers; the audit names no version. `annotated`: of a request whose answer was not recorded, only the
 * version that it met is known, by the annotation of the admission policy. `reviewed`: an admission webhook saw what
 * was about to be written.
 */
export type Effect =
  | {
      readonly type: 'wrote';
      readonly resourceVersion: string;
      /** The last finalizer of an object that is to be deleted was removed by it. */
      readonly ends: boolean;
      /** RFC 3339, where the object is to be deleted; it counts whole seconds, and the grace period is in it. */
      readonly deletionTimestamp?: string;
      readonly gracePeriodSeconds: number;
    }
  | { readonly type: 'deleted' }
  | { readonly type: 'annotated' }
  | {
      readonly type: 'reviewed';
      readonly operation: 'CREATE' | 'UPDATE' | 'DELETE';
      /** What was about to be written, as contentOf gives it; '' for DELETE. */
      readonly content: string;
      readonly ends: boolean;
    };

export interface Claim {
  readonly uid: string;
  readonly effect: Effect;
  /** Whether it made the object: a create, or an apply that the API server answered by 201. */
  readonly created: boolean;
  /**
   * The resourceVersion that the request met: '' = none, it created; undefined = not told. Of several tries of one
   * request the first one's.
   */
  readonly met: string | undefined;
  /** Whether `met` is what the request insisted on, so that no later try met another: a PUT with a resourceVersion. */
  readonly insisted: boolean;
  readonly request: AttributedRequest;
  /** Milliseconds since 1970, by the API server's clock. */
  readonly receivedMs: number;
  readonly completedMs: number;
}

/** Names a claim within its object, so that a repetition is one. */
export function claimKey({ effect, request }: Claim): string {
  return `${effect.type === 'reviewed' ? 'review' : 'audit'} ${request.auditId}`;
}

/** Says who is behind a request, so that two requests of one person can be told from those of two. */
export function personOf({ user, impersonatedUser }: AttributedRequest): string {
  return JSON.stringify([user.username, impersonatedUser?.username ?? null]);
}
