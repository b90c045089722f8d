// Reads admission reviews (admission.k8s.io/v1): what each request was about to do. A review is no proof that it was
// done, and it does not show who impersonates.
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { Claim } from './claim.ts';
import { contentOf } from './content.ts';
import { type AuditReading, type IsWatched, hasNoFinalizers, userOf } from './parse-audit-event.ts';

type Fields = Readonly<Record<string, unknown>>;

const verbs = { CREATE: 'create', UPDATE: 'update', DELETE: 'delete' } as const;
const idMax = 253;

/** Gives the uid that the answer must carry; undefined = this is no review. */
export function reviewUid(json: unknown): string | undefined {
  const { uid } = fieldsOf(fieldsOf(json)['request']);
  return typeof uid === 'string' && uid !== '' && uid.length <= idMax ? uid : undefined;
}

/** Reads one review, received at that time. It never throws. */
export function parseReview(json: unknown, receivedMs: number, isWatched: IsWatched): AuditReading {
  const request = fieldsOf(fieldsOf(json)['request']);
  const auditId = reviewUid(json);
  const user = userOf(request['userInfo']);
  const { operation } = request;
  if (auditId === undefined || user === undefined) return { ok: false, why: 'malformed' };
  if (operation !== 'CREATE' && operation !== 'UPDATE' && operation !== 'DELETE') return { ok: false, why: 'other' };
  const { group, resource } = fieldsOf(request['resource']);
  if (!isWatched(textOf(group), textOf(resource))) return { ok: false, why: 'other' };
  if (request['dryRun'] === true) return { ok: false, why: 'dry-run' };
  const object = fieldsOf(request['object']);
  const old = fieldsOf(request['oldObject']);
  const met = textOf(fieldsOf(old['metadata'])['resourceVersion']);
  const { uid } = fieldsOf((operation === 'CREATE' ? object : old)['metadata']);
  if (typeof uid !== 'string' || uid === '') return { ok: false, why: 'vague' };
  const content = operation === 'DELETE' ? '' : contentOf(object);
  // It would change nothing.
  if (operation === 'UPDATE' && content === contentOf(old)) return { ok: false, why: 'other' };
  const { fieldManager } = fieldsOf(request['options']);
  const isMarked = fieldsOf(object['metadata'])['deletionTimestamp'] !== undefined;
  const claim: Claim = {
    uid,
    effect: { type: 'reviewed', operation, content, ends: isMarked && hasNoFinalizers(object) },
    created: operation === 'CREATE',
    met: operation === 'CREATE' ? '' : met,
    insisted: false,
    request: {
      user,
      userAgent: '',
      sourceIPs: [],
      auditId,
      verb: verbs[operation],
      at: new Date(receivedMs).toISOString(),
      ...(typeof fieldManager === 'string' && fieldManager !== '' ? { fieldManager: fieldManager.slice(0, 512) } : {}),
    },
    receivedMs,
    completedMs: receivedMs,
  };
  return { ok: true, claims: [claim] };
}

function fieldsOf(value: unknown): Fields {
  return isRecord(value) ? value : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
