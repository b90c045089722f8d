// A deed event says what was done to the fleet itself: to its tokens, its schema, its keys, its settings, to whole
// clusters, to texts about people and to events that could not be read; when the history began and ended to be written,
// and which checkpoints of it were not signed; who read it; and whom it refused. Who does it writes a note in Postgres,
// in the same transaction where there is one; the projector appends it. A deed changes no version, so that nothing
// folds it, but for one: with a cluster that is removed all its objects are gone.
// This is version 1.

/** What is done, and the kind of thing that it is done to. */
export const deedKinds = {
  'token-created': 'Token',
  'token-revoked': 'Token',
  'logins-refused': 'Login',
  'requests-denied': 'Request',
  'history-read': 'History',
  migrated: 'Schema',
  'key-generated': 'NodeKey',
  'event-repaired': 'Event',
  'person-erased': 'Person',
  'log-key-generated': 'Log',
  'checkpoint-refused': 'Log',
  'settings-changed': 'Settings',
  'log-started': 'Log',
  'log-stopped': 'Log',
  'history-archived': 'Log',
  'cluster-removed': 'Cluster',
  'cluster-readmitted': 'Cluster',
  'cluster-renamed': 'Cluster',
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
   * migration, a service, an epoch, an endpoint that was read, a role that was needed, the name that a cluster has in
   * the history; '' for logins.
   */
  readonly subject: string;
  /** What was done: a sentence. */
  readonly reason: string;
  /** Why it was done, as who did it says. */
  readonly why?: string;
  /** Of a repair: the JSON text in whose place the event is read; absent = the event is set aside and says nothing. */
  readonly repaired?: string;
  /** What came of it; absent = denied of logins that were refused, else success. */
  readonly outcome?: DeedOutcome;
  /** Of settings that changed: each setting of the service by its flag, as JSON; what is secret is left out. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Of a cluster that is renamed: the name that is shown from then on. */
  readonly shown?: string;
}

/** Says that a cluster was removed, and all its objects with it. */
export interface RemovalEvent extends DeedEvent {
  readonly type: 'cluster-removed';
}

/** Tells whether a deed is the one that is folded. */
export function isRemoval(deed: DeedEvent): deed is RemovalEvent {
  return deed.type === 'cluster-removed';
}

export type DeedOutcome = 'success' | 'failure' | 'denied';

/** Says what came of a deed. */
export function outcomeOfDeed({
  type,
  outcome,
}: {
  readonly type: DeedType;
  readonly outcome?: DeedOutcome | undefined;
}): DeedOutcome {
  return outcome ?? (type === 'logins-refused' ? 'denied' : 'success');
}

/** Every type of deed. */
export const deedTypes: readonly DeedType[] = Object.keys(deedKinds).filter(isDeedType);

export function isDeedType(type: string): type is DeedType {
  return Object.hasOwn(deedKinds, type);
}
