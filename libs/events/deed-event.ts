// A deed event says what was done to the fleet itself: to its tokens, its schema, its keys, to texts about people and
// to events that could not be read, which logins it refused, and which checkpoints were not signed. Who does it writes
// a note in Postgres, in the same transaction where there is one; the projector appends it. A deed changes no version,
// so that nothing folds it. This is version 1.

/** What is done, and the kind of thing that it is done to. */
export const deedKinds = {
  'token-created': 'Token',
  'token-revoked': 'Token',
  'logins-refused': 'Login',
  migrated: 'Schema',
  'key-generated': 'NodeKey',
  'event-repaired': 'Event',
  'person-erased': 'Person',
  'log-key-generated': 'Log',
  'checkpoint-refused': 'Log',
} as const;

type DeedType = keyof typeof deedKinds;

export interface DeedEvent {
  readonly v: 1;
  readonly type: DeedType;
  /** The same for the same deed, so that it is told once. */
  readonly id: string;
  /** RFC 3339. */
  readonly at: string;
  /** Who did it; null where nobody is known, as with a login that was refused. */
  readonly actor: { readonly name: string; readonly role: string } | null;
  /** The address that the request came from, or the host on which the command ran. */
  readonly from: string;
  /**
   * What it was done to: id of a token, a key or a text about a person, number of an event, name of the newest
   * migration, '' for logins.
   */
  readonly subject: string;
  /** What was done: a sentence. */
  readonly reason: string;
  /** Of a repair: the JSON text in whose place the event is read; absent = the event is set aside and says nothing. */
  readonly repaired?: string;
}

/** Every type of deed. */
export const deedTypes: readonly DeedType[] = Object.keys(deedKinds).filter(isDeedType);

function isDeedType(type: string): type is DeedType {
  return Object.hasOwn(deedKinds, type);
}
