// A trace says what a GitOps tool claims of a change that was told before: to which application the object belongs, and
// which revision that had when the change was seen. Whoever may write the object can copy the tool's labels, so that it
// proves nothing. It folds into nothing. This is version 1.
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import type { FactPlace } from './fact-place.ts';

/** The tools whose labels and annotations are known. */
export const traceTools = ['argocd', 'flux', 'helm'] as const;

/** `seenAt` is when the change was seen and the tool's objects were looked at. */
export interface TraceEvent extends FactPlace {
  readonly v: 1;
  readonly type: 'traced';
  readonly tool: (typeof traceTools)[number];
  /** Kind, namespace and name of what the tool applies: `Application argocd/shop`. */
  readonly application: string;
  /** What it had applied last, as its status says: a commit, a digest, the version of a chart; absent = not known. */
  readonly revision?: string;
  /** Where its status names the commit's author, too. */
  readonly commit?: { readonly author: string; readonly message: string; readonly at: string };
  /** Who began the sync; automated = the tool did by itself. */
  readonly initiatedBy?: { readonly username: string; readonly automated: boolean };
  /** The label or annotation that led there: `annotation argocd.argoproj.io/tracking-id`. */
  readonly source: string;
}

/** Gives the Nats-Msg-Id of a trace, and its id in the history: the same finding is one event. */
export function traceMessageId(event: Omit<TraceEvent, 'seenAt'>): string {
  const found = [event.tool, event.application, event.revision ?? '', event.source];
  return `${event.change}/traced/${sha256(canonicalJson(found)).slice(0, 16)}`;
}
