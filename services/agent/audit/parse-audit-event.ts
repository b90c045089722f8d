// Reads audit events of Kubernetes (audit.k8s.io/v1): what each says that its request did, or why it says nothing. What
// was refused, tried only (dry run) or left no object is no claim.
import { attributedMax, type AttributedRequest, type RequestUser } from '#libs/events/attribution-event.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { Claim, Effect } from './claim.ts';

/** The policy whose annotations say which uid and version a request met. */
export const annotatingPolicy = 'who.fleetgate.dev';

/**
 * Why an event makes no claim: `other` = not about a write of an object that is watched; `refused` by the API server;
 * `dry-run`; `vague` = it names no version, for the audit policy records too little; `malformed`.
 */
export type NoClaim = 'other' | 'refused' | 'dry-run' | 'vague' | 'malformed';

type Fields = Readonly<Record<string, unknown>>;

/** Says whether objects of a group and resource (plural) are watched. */
export type IsWatched = (group: string, resource: string) => boolean;

export type AuditReading =
  | { readonly ok: true; readonly claims: readonly Claim[] }
  | { readonly ok: false; readonly why: NoClaim };

const writes = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);
/** Subresources whose answer names the object's own version. */
const subresources = new Set(['', 'status', 'scale', 'finalize']);
const textMax = 1024;

/** Reads one event. It never throws. */
export function parseAuditEvent(json: unknown, isWatched: IsWatched): AuditReading {
  if (!isRecord(json)) return none('malformed');
  const ref = fieldsOf(json['objectRef']);
  const verb = textOf(json['verb']);
  if (json['stage'] !== 'ResponseComplete' || !writes.has(verb)) return none('other');
  if (!isWatched(textOf(ref['apiGroup']), textOf(ref['resource']))) return none('other');
  if (!subresources.has(textOf(ref['subresource']))) return none('other');
  const code = fieldsOf(json['responseStatus'])['code'];
  if (typeof code !== 'number') return none('malformed');
  if (code < 200 || code >= 300) return none('refused');
  const notes = annotationsOf(json);
  if (isDryRun(json, notes)) return none('dry-run');
  const request = requestOf(json, verb);
  const receivedMs = Date.parse(textOf(json['requestReceivedTimestamp']));
  const completedMs = Date.parse(textOf(json['stageTimestamp']));
  if (request === undefined || Number.isNaN(receivedMs) || Number.isNaN(completedMs)) return none('malformed');
  const effects = effectsOf(json, verb, notes);
  if (effects.length === 0) return none(isEmptyList(json) ? 'other' : 'vague');
  const created = code === 201 || (verb === 'create' && textOf(ref['subresource']) === '');
  const claims = effects.map(([uid, effect]) => ({
    uid,
    effect,
    created,
    ...metBy(ref, verb, notes.get(uid)),
    request,
    receivedMs,
    completedMs,
  }));
  return { ok: true, claims };
}

/** What the policy noted, by uid: of a deletecollection it notes one object of many. */
type Notes = ReadonlyMap<string, { readonly old: string; readonly dry: boolean }>;

function annotationsOf(event: Fields): Notes {
  const annotations = fieldsOf(event['annotations']);
  const note = (key: string): string | undefined => {
    const value = annotations[`${annotatingPolicy}/${key}`];
    return typeof value === 'string' ? value : undefined;
  };
  const uid = note('uid');
  return uid === undefined || uid === ''
    ? new Map()
    : new Map([[uid, { old: note('old') ?? '', dry: note('dry') === 'true' }]]);
}

function isDryRun(event: Fields, notes: Notes): boolean {
  const query = new URLSearchParams(textOf(event['requestURI']).split('?')[1] ?? '');
  if (query.has('dryRun')) return true;
  const body = fieldsOf(event['requestObject']);
  // A patch's body is not about the request; that of a deletion is.
  const options = body['kind'] === 'DeleteOptions' && Array.isArray(body['dryRun']) && body['dryRun'].length > 0;
  return options || [...notes.values()].some(({ dry }) => dry);
}

function effectsOf(event: Fields, verb: string, notes: Notes): readonly (readonly [string, Effect])[] {
  const answer = event['responseObject'];
  // Without bodies. Of a deletecollection the note names one object of many.
  if (!isRecord(answer)) return [...notes.keys()].map((uid) => [uid, { type: 'annotated' }]);
  if (verb === 'deletecollection') {
    const items: readonly unknown[] = Array.isArray(answer['items']) ? answer['items'] : [];
    return items.flatMap((item) => {
      const uid = uidOf(fieldsOf(item)['metadata']);
      return uid === '' ? [] : [[uid, { type: 'deleted' }] as const];
    });
  }
  if (answer['kind'] === 'Status' && verb === 'delete') {
    const uid = uidOf(answer['details']);
    return uid === '' ? [] : [[uid, { type: 'deleted' }]];
  }
  const metadata = fieldsOf(answer['metadata']);
  const uid = uidOf(metadata);
  const resourceVersion = textOf(metadata['resourceVersion']);
  if (uid === '' || resourceVersion === '') return [];
  const deletionTimestamp = textOf(metadata['deletionTimestamp']);
  const grace = metadata['deletionGracePeriodSeconds'];
  const effect: Effect = {
    type: 'wrote',
    resourceVersion,
    ends: verb !== 'delete' && deletionTimestamp !== '' && hasNoFinalizers(answer),
    ...(deletionTimestamp === '' ? {} : { deletionTimestamp }),
    gracePeriodSeconds: typeof grace === 'number' ? grace : 0,
  };
  return [[uid, effect]];
}

/** Namespaces have theirs in the spec. */
export function hasNoFinalizers(object: Fields): boolean {
  const lists = [fieldsOf(object['metadata'])['finalizers'], fieldsOf(object['spec'])['finalizers']];
  return lists.every((list) => !Array.isArray(list) || list.length === 0);
}

function metBy(ref: Fields, verb: string, note: { readonly old: string } | undefined): Pick<Claim, 'met' | 'insisted'> {
  const sent = textOf(ref['resourceVersion']);
  if (verb === 'update' && sent !== '') return { met: sent, insisted: true };
  return { met: note?.old, insisted: false };
}

function requestOf(event: Fields, verb: string): AttributedRequest | undefined {
  const user = userOf(event['user']);
  const auditId = textOf(event['auditID']);
  if (user === undefined || auditId === '' || auditId.length > 253) return undefined;
  const impersonated = event['impersonatedUser'] === undefined ? undefined : userOf(event['impersonatedUser']);
  if (impersonated === undefined && isRecord(event['impersonatedUser'])) return undefined;
  const query = new URLSearchParams(textOf(event['requestURI']).split('?')[1] ?? '');
  const manager = query.get('fieldManager') ?? '';
  return {
    user,
    ...(impersonated === undefined ? {} : { impersonatedUser: impersonated }),
    userAgent: textOf(event['userAgent']).slice(0, textMax),
    sourceIPs: textsOf(event['sourceIPs'], attributedMax.addresses),
    auditId,
    verb,
    at: textOf(event['requestReceivedTimestamp']),
    ...(manager === '' ? {} : { fieldManager: manager.slice(0, 512) }),
  };
}

/** Reads a user as Kubernetes writes it; undefined where it has no usable name. A name is never cut. */
export function userOf(json: unknown): RequestUser | undefined {
  const user = fieldsOf(json);
  const username = textOf(user['username']);
  const uid = textOf(user['uid']);
  if (username === '' || username.length > textMax || uid.length > textMax) return undefined;
  return { username, uid, groups: textsOf(user['groups'], attributedMax.groups) };
}

function isEmptyList(event: Fields): boolean {
  const items = fieldsOf(event['responseObject'])['items'];
  return Array.isArray(items) && items.length === 0;
}

function uidOf(metadata: unknown): string {
  return textOf(fieldsOf(metadata)['uid']);
}

function textsOf(value: unknown, max: number): readonly string[] {
  return (Array.isArray(value) ? value : [])
    .filter((text): text is string => typeof text === 'string' && text !== '' && text.length <= textMax)
    .slice(0, max);
}

function fieldsOf(value: unknown): Fields {
  return isRecord(value) ? value : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function none(why: NoClaim): AuditReading {
  return { ok: false, why };
}
