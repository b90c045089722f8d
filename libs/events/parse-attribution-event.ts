// Reads attributions from outside: unknown JSON becomes an AttributionEvent, or the list of what is wrong with it.
import {
  type AttributedRequest,
  type AttributionEvent,
  type RequestUser,
  attributedMax,
  certainties,
  deletionRoles,
} from './attribution-event.ts';
import { readFactPlace } from './fact-place.ts';
import { Cursor } from '#libs/gateway/fields/cursor.ts';
import type { Parsed, Problem } from '#libs/gateway/problem.ts';

const id = { min: 1, max: 253 };
/** Kubernetes sets no bound to names of users. */
const userText = { min: 1, max: 1024 };

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
  const place = readFactPlace(at);
  if (place === undefined) return undefined;
  const certainty = at.field('certainty').oneOf(certainties);
  if (certainty === undefined) return at.field('certainty').problem('is none');
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
    ...place,
    certainty,
    requests,
  };
}

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
    at: at.field('at').requiredTime() ?? '',
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
