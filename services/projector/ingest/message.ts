// Reads a stream message as a change event, a later fact, an operator event, a probe, or why it is none of these.
// Whatever a sender says, no private key gets past here: of a Secret only its metadata and summary are kept.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { type ChangeFact, parseChangeFact } from '#libs/events/change-fact.ts';
import { type OperatorEvent, isCommand } from '#libs/events/operator-event.ts';
import { parseChangeEvent } from '#libs/events/parse-change-event.ts';
import { parseOperatorEvent } from '#libs/events/parse-operator-event.ts';
import { attributionSubject, changeSubject, operatorSubject, probeSubject } from '#libs/events/subjects.ts';
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { reasonsAmong } from '#libs/gateway/change-reason.ts';
import { groupOf, kindInfo } from '#libs/gateway/kinds.ts';
import { hashObject } from '#libs/gateway/object-hash.ts';
import { type Problem, describeProblem } from '#libs/gateway/problem.ts';
import { messageOf } from '#libs/runtime/errors.ts';

type Message =
  | { readonly type: 'change'; readonly event: ChangeEvent }
  | { readonly type: 'fact'; readonly event: ChangeFact }
  | { readonly type: 'operator'; readonly event: OperatorEvent }
  | { readonly type: 'probe' }
  | { readonly type: 'bad'; readonly reason: string };

const utf8 = new TextDecoder('utf-8', { fatal: true });
/** No slash, so that it is never the id of a change event. */
const operatorId = /^[\w.:-]{1,200}$/;

/** Reads one message of the stream. Never throws. */
export function parseMessage(subject: string, data: Uint8Array): Message {
  if (subject === probeSubject) return { type: 'probe' };
  let json: unknown;
  try {
    json = JSON.parse(utf8.decode(data));
  } catch (error) {
    return bad(`no JSON: ${messageOf(error)}`);
  }
  if (subject.startsWith(attributionSubject(''))) return parseFact(subject, json);
  return subject === operatorSubject ? parseOperator(json) : parseChange(subject, json);
}

function parseFact(subject: string, json: unknown): Message {
  const parsed = parseChangeFact(json);
  if (!parsed.ok) return bad(describe(parsed.problems));
  const event = parsed.value;
  const expected = attributionSubject(event.cluster);
  if (subject !== expected) return bad(`belongs on ${expected}`);
  // Else one cluster could speak of the changes of another.
  if (!event.change.startsWith(`${event.cluster}/${event.uid}/`)) return bad('change: is none of the object');
  if (kindInfo(event.kind)?.stream !== 'history') return bad(`kind: changes of ${event.kind} are no events`);
  const unfit = unfitField({ at: event.seenAt });
  if (unfit !== undefined) return bad(unfit);
  return JSON.stringify(event).includes(String.raw`\u0000`) ? bad('holds NUL') : { type: 'fact', event };
}

function parseChange(subject: string, json: unknown): Message {
  const parsed = parseChangeEvent(json);
  if (!parsed.ok) return bad(describe(parsed.problems));
  const strange = strangeVersion(parsed.value);
  if (strange !== undefined) return bad(strange);
  const event = withoutSecrets(withOwnHash(parsed.value));
  // What a reader of the history could not read must not get in.
  const readable = parseChangeEvent(JSON.parse(canonicalJson(event)));
  if (!readable.ok) return bad(describe(readable.problems));
  const { actor, object, sealed: _, ...texts } = event;
  const unfit = unfitField({ ...texts, ...actor, fingerprint: fingerprintOf(object) ?? '' });
  if (unfit !== undefined) return bad(unfit);
  const expected = changeSubject(event.cluster);
  return subject === expected ? { type: 'change', event } : bad(`belongs on ${expected}`);
}

function parseOperator(json: unknown): Message {
  const parsed = parseOperatorEvent(json);
  if (!parsed.ok) return bad(describe(parsed.problems));
  const { actor, ...texts } = parsed.value;
  const unfit = unfitField({ ...texts, ...actor });
  if (unfit !== undefined) return bad(unfit);
  return operatorId.test(parsed.value.id) ? toDecided(parsed.value) : bad('id: is no id');
}

/** Only the projector requests, and says what was requested where somebody decides it. */
function toDecided(event: OperatorEvent): Message {
  if (event.type === 'requested') return bad('type: a command is given, and requested by the projector alone');
  if (isCommand(event)) return { type: 'operator', event };
  const { command: _claimed, ...decision } = event;
  return { type: 'operator', event: decision };
}

/** Finds the fingerprint in the summary of a Secret, where it has one. */
export function fingerprintOf(object: ChangeEvent['object']): string | undefined {
  const summary = parseSummary(object?.['summary']);
  const fingerprint = summary?.certificate?.fingerprint;
  return typeof fingerprint === 'string' ? fingerprint : undefined;
}

/** Gives the event the hash that its object has, whatever its sender says. */
function withOwnHash(event: ChangeEvent): ChangeEvent {
  return event.object === null ? event : { ...event, hash: hashObject(event.object) };
}

/** Says that an object is written in no version of its kind that is read. */
function strangeVersion({ kind, object }: ChangeEvent): string | undefined {
  const info = kindInfo(kind);
  if (object === null || info === undefined) return undefined;
  const { apiVersion } = object;
  if (info.versions.length === 0) {
    const isOfGroup = groupOf(apiVersion) === info.group;
    return isOfGroup ? undefined : `object.apiVersion: is ${apiVersion}, and ${kind} is of group ${info.group}`;
  }
  const known = info.versions.map((version) => (info.group === '' ? version : `${info.group}/${version}`));
  return known.includes(apiVersion)
    ? undefined
    : `object.apiVersion: is ${apiVersion}, and ${kind} is read in ${known.join(', ')}`;
}

/** Cuts the event to what the history may hold: of a Secret's object only what the agent is meant to say. */
function withoutSecrets(event: ChangeEvent): ChangeEvent {
  const { sealed, ...facts } = event;
  if (event.kind !== 'Secret') return facts;
  const kept = sealed === undefined ? {} : { sealed };
  if (event.object === null) return { ...facts, ...kept };
  const { apiVersion, kind, metadata, summary } = event.object;
  const { name, namespace, uid, resourceVersion, generation, creationTimestamp, labels, annotations } = metadata;
  const reasons = reasonsAmong(annotations);
  const meta = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid,
    resourceVersion,
    ...(generation === undefined ? {} : { generation }),
    creationTimestamp,
    ...(labels === undefined ? {} : { labels }),
    ...(Object.keys(reasons).length === 0 ? {} : { annotations: reasons }),
  };
  return { ...facts, object: { apiVersion, kind, metadata: meta, summary }, ...kept };
}

/** Finds what Postgres' columns cannot hold: NUL, and times beyond four-digit years. */
function unfitField(fields: Readonly<Record<string, unknown>>): string | undefined {
  for (const [name, value] of Object.entries(fields))
    if (typeof value === 'string' && value.includes('\0')) return `${name}: holds NUL`;
  const year = typeof fields['at'] === 'string' ? new Date(fields['at']).getUTCFullYear() : Number.NaN;
  return year >= 1 && year <= 9999 ? undefined : 'at: is no usable time';
}

function parseSummary(summary: unknown): { readonly certificate?: { readonly fingerprint?: unknown } } | undefined {
  return typeof summary === 'object' && summary !== null ? summary : undefined;
}

function describe(problems: readonly Problem[]): string {
  const [first] = problems;
  return first === undefined ? 'malformed' : describeProblem(first);
}

function bad(reason: string): Message {
  return { type: 'bad', reason };
}
