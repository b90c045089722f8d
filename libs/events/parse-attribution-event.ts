// Reads attributions from outside: unknown JSON becomes an AttributionEvent, or the list of what is wrong with it.
import {
  type AttributedRequest,
  type AttributionEvent,
  type RequestUser,
  attributedMax,
  certainties,
  deletionRoles,
} from './attribution-event.ts';
import { Cursor } from '#libs/gateway/fields/cursor.ts';
import { clusterName, objectName } from '#libs/gateway/fields/names.ts';
import { kindInfo } from '#libs/gateway/kinds.ts';
import type { Parsed, Problem } from '#libs/gateway/problem.ts';

const id = { min: 1, max: 253 };
/** Kubernetes sets no bound to names of users. */
const userText = { min: 1, max: 1024 };
const changeId = { min: 1, max: 1000 };

/** Reads one attribution. It holds as many requests as its certainty asks for. */
export function parseAttributionEvent(json: unknown): Parsed<AttributionEvent> {
  const problems: Problem[] = [];
  const event = readEvent(new Cursor(json, '', problems));
  return event === undefined || problems.length > 0 ? { ok: false, problems } : { ok: true, value: event };
}

function readEvent(at: Cursor): AttributionEvent | undefined {
  if (at.requiredObject() === undefined) return undefined;
  if (at.field('v').integer(1, 1) === undefined) return at.field('v').problem('is not a known version');
  if (at.field('type').oneOf(['attributed']) === undefined) return at.field('type').problem('is no attribution');
  const kind = kindInfo(at.field('kind').requiredText() ?? '');
  if (kind === undefined) return at.field('kind').problem('is not a watched kind');
  const certainty = at.field('certainty').oneOf(certainties);
  if (certainty === undefined) return at.field('certainty').problem('is none');
  const namespace = at.field('namespace').text(objectNameOrNone);
  const requests = at
    .field('requests')
    .items(attributedMax.requests)
    .map((request) => readRequest(request));
  if ((certainty === 'unknown') !== (requests.length === 0)) {
    at.field('requests').problem(certainty === 'unknown' ? 'must be empty' : 'must not be empty');
  }
  return {
    v: 1,
    type: 'attributed',
    cluster: at.field('cluster').requiredText(clusterName) ?? '',
    clusterUid: at.field('clusterUid').requiredText(id) ?? '',
    kind: kind.kind,
    namespace: namespace ?? '',
    name: at.field('name').requiredText(objectName) ?? '',
    uid: at.field('uid').requiredText(id) ?? '',
    change: at.field('change').requiredText(changeId) ?? '',
    certainty,
    requests,
    seenAt: readTime(at.field('seenAt')),
  };
}

const objectNameOrNone = {
  max: 253,
  pattern: /^(|(?!\.{1,2}$)[^/%\s\p{Cc}]+)$/u,
  expected: 'a namespace',
};

function readRequest(at: Cursor): AttributedRequest {
  at.requiredObject();
  const impersonated = at.field('impersonatedUser');
  const fieldManager = at.field('fieldManager').text({ max: 512 });
  const role = at.field('role').oneOf(deletionRoles);
  return {
    user: readUser(at.field('user')),
    ...(impersonated.present ? { impersonatedUser: readUser(impersonated) } : {}),
    userAgent: at.field('userAgent').text({ max: 1024 }) ?? '',
    sourceIPs: readTexts(at.field('sourceIPs'), attributedMax.addresses),
    auditId: at.field('auditId').requiredText(id) ?? '',
    verb: at.field('verb').requiredText({ min: 1, max: 64 }) ?? '',
    at: readTime(at.field('at')),
    ...(fieldManager === undefined ? {} : { fieldManager }),
    ...(role === undefined ? {} : { role }),
  };
}

function readUser(at: Cursor): RequestUser {
  at.requiredObject();
  return {
    username: at.field('username').requiredText(userText) ?? '',
    uid: at.field('uid').text({ max: 1024 }) ?? '',
    groups: readTexts(at.field('groups'), attributedMax.groups),
  };
}

function readTexts(at: Cursor, max: number): readonly string[] {
  return at.items(max).flatMap((item) => item.requiredText(userText) ?? []);
}

function readTime(at: Cursor): string {
  const text = at.requiredText({ min: 1, max: 64 });
  if (text !== undefined && Number.isNaN(Date.parse(text))) at.problem('is not a time');
  return text ?? '';
}
