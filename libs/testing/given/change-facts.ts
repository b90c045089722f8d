// Makes later facts about changes for tests: who asked for them, and what a tool claims.
import type { AttributedRequest, AttributionEvent } from '#libs/events/attribution-event.ts';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { sha256 } from '#libs/gateway/canonical.ts';
import { changeMessageId } from '#libs/events/subjects.ts';
import type { TraceEvent } from '#libs/events/trace-event.ts';

/** Makes what an API server was asked by a person with kubectl; `more` says what was otherwise. */
export function request(username: string, more: Partial<AttributedRequest> = {}): AttributedRequest {
  return {
    user: { username, uid: `uid-of-${username}`, groups: ['deployers', 'system:authenticated'] },
    userAgent: 'kubectl/v1.36.3 (linux/amd64) kubernetes/abcdef0',
    sourceIPs: ['192.0.2.7'],
    auditId: `audit-${sha256(username).slice(0, 8)}`,
    verb: 'patch',
    at: '2026-01-01T00:00:00.000Z',
    ...more,
  };
}

/** Gives the attribution of a change to these requests. */
export function attributed(
  change: ChangeEvent,
  certainty: AttributionEvent['certainty'],
  ...requests: readonly AttributedRequest[]
): AttributionEvent {
  return { ...factOf(change), type: 'attributed', certainty, requests };
}

/** Gives what Argo CD claims of a change; `more` says what was otherwise. */
export function traced(change: ChangeEvent, more: Partial<TraceEvent> = {}): TraceEvent {
  return {
    ...factOf(change),
    type: 'traced',
    tool: 'argocd',
    application: 'Application argocd/shop',
    revision: '3f2a9c41d0b7e5f6a8c9d0e1f2a3b4c5d6e7f809',
    source: 'annotation argocd.argoproj.io/tracking-id',
    ...more,
  };
}

function factOf(change: ChangeEvent) {
  const { cluster, clusterUid, kind, namespace, name, uid, seenAt } = change;
  return { v: 1, cluster, clusterUid, kind, namespace, name, uid, change: changeMessageId(change), seenAt } as const;
}
