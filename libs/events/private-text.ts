// Keeps texts about people out of the history: their names as tokens and accounts have them, and addresses. An event
// holds `private:` and 64 hexadecimal digits in the place of such a text, the SHA-256 of a random salt and the text;
// salt and text lie in the table `private_texts`. Erasing a person deletes the row: the event stays as it is, and so
// does every proof about it.
//
// Personal are the name of an actor and the address that a request came from. Reasons that people write are not: they
// are kept as they were written.
import { createHash } from 'node:crypto';
import { isRecord } from '#libs/gateway/fields/record.ts';

/** Stands for the texts of an event: gives the id of a text. */
export type Conceal = (text: string) => string;

/** What may name people: an event of an operator, of a node, or a deed. Of changes nothing is personal. */
export interface PersonalEvent {
  readonly id: string;
  readonly type: string;
  readonly actor: { readonly name: string; readonly role: string } | null;
  readonly from?: string;
  readonly reason?: string;
}

/** How many random bytes make a text unguessable from its id. */
export const saltBytes = 32;

/** Types of events that named people before their texts were kept apart. */
export const storedPlainTypes: readonly string[] = [
  'rollback',
  'release',
  'accept',
  'node-left',
  'token-created',
  'token-revoked',
  'logins-refused',
  'migrated',
  'key-generated',
  'event-repaired',
];

const shownDigits = 8;
const standIn = /^(?:person|erased)-([0-9a-f]{8})$/;
const privateIds = /private:[0-9a-f]{64}/g;
const tokenReason = /^(made|revoked) the token (\S+) \((.*), (\w+)\)$/s;
const loginsId = /^(logins-refused:[^:]*:\d+):(.*)$/s;

/** Gives the id of a text with its salt. */
export function privateIdOf(salt: Uint8Array, text: string): string {
  return `private:${createHash('sha256').update(salt).update(text).digest('hex')}`;
}

/** Stands for a text that is withheld from who asks. */
export function withheldName(id: string): string {
  return `person-${id.slice('private:'.length, 'private:'.length + shownDigits)}`;
}

/** Stands for a text that was erased. */
export function erasedName(id: string): string {
  return `erased-${id.slice('private:'.length, 'private:'.length + shownDigits)}`;
}

/** Gives what the ids begin with that such a name stands for; undefined where it is no such name. */
export function privateIdPrefixOf(name: string): string | undefined {
  const digits = standIn.exec(name)?.[1];
  return digits === undefined ? undefined : `private:${digits}`;
}

/** Finds every id in a text, each once. */
export function privateIdsIn(text: string): readonly string[] {
  return [...new Set(text.match(privateIds))];
}

/** Puts into a text what stands for each id. */
export function replacePrivateIds(text: string, shown: (id: string) => string): string {
  return text.replace(privateIds, shown);
}

/** Gives the event with ids in the place of its texts about people. What is concealed must not be concealed again. */
export function concealEvent<E extends PersonalEvent>(event: E, idOf: Conceal): E {
  const { actor, from, reason } = event;
  // As Postgres keeps it, so that it is found again.
  const conceal: Conceal = (text) => idOf(text.toWellFormed());
  return {
    ...event,
    id: concealId(event, conceal),
    actor: actor === null ? null : { ...actor, name: conceal(actor.name) },
    ...(from === undefined ? {} : { from: conceal(from) }),
    ...(reason === undefined ? {} : { reason: concealReason(event.type, reason, conceal) }),
  };
}

/** Does the same with the JSON of an event as older versions stored it; what is none is given back as it is. */
export function concealStored(json: unknown, conceal: Conceal): unknown {
  if (!isRecord(json) || typeof json['type'] !== 'string' || !storedPlainTypes.includes(json['type'])) return json;
  const { type, id, actor, from, reason, repaired } = json;
  const text = typeof id === 'string' ? concealId({ id, type }, conceal) : id;
  return {
    ...json,
    ...(id === undefined ? {} : { id: text }),
    ...(isRecord(actor) && typeof actor['name'] === 'string'
      ? { actor: { ...actor, name: conceal(actor['name']) } }
      : {}),
    ...(typeof from === 'string' ? { from: conceal(from) } : {}),
    ...(typeof reason === 'string' ? { reason: concealReason(type, reason, conceal) } : {}),
    ...(typeof repaired === 'string' ? { repaired: concealText(repaired, conceal) } : {}),
  };
}

/** Collects the texts about people of some events, each once, in their order. */
export function personalTextsOf(events: readonly PersonalEvent[]): readonly string[] {
  const texts = new Set<string>();
  for (const event of events)
    concealEvent(event, (text) => {
      texts.add(text);
      return text;
    });
  return [...texts];
}

function concealText(json: string, conceal: Conceal): string {
  try {
    return JSON.stringify(concealStored(JSON.parse(json), conceal));
  } catch {
    return json;
  }
}

/** The id of refused logins named the address at first. */
function concealId({ id, type }: Pick<PersonalEvent, 'id' | 'type'>, conceal: Conceal): string {
  const parts = type === 'logins-refused' ? loginsId.exec(id) : null;
  return parts === null ? id : `${parts[1]}:${conceal(parts[2] ?? '')}`;
}

/** What was done to a token names whose it is. */
function concealReason(type: string, reason: string, conceal: Conceal): string {
  if (type !== 'token-created' && type !== 'token-revoked') return reason;
  return reason.replace(
    tokenReason,
    (_all, did: string, id: string, name: string, role: string) => `${did} the token ${id} (${conceal(name)}, ${role})`,
  );
}
