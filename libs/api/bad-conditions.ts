// Judges conditions: which of a status say that something does not work, or works only in part.

/** What a condition says; other fields do not matter here. */
export interface SaidCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** Conditions that are good when False; all others, unknown ones too, are good when True. */
const goodWhenFalse: ReadonlySet<string> = new Set([
  'Conflicted',
  'Detached',
  'InsecureFrontendValidationMode',
  'NoSuchBackend',
  'OverlappingTLSConfig',
  'PartiallyInvalid',
  'fleetgate.dev/PartiallyInvalid',
  'fleetgate.dev/Shadowed',
  'fleetgate.dev/UnservedPolicies',
]);

/** Conditions whose message is a reservation even when they are good: part of what was accepted was left out. */
const withReservations: ReadonlySet<string> = new Set(['Accepted', 'Admitted']);

/** Picks the conditions that are not plainly good. */
export function badConditions<C extends SaidCondition>(conditions: readonly C[]): readonly C[] {
  return conditions.filter(({ type, status, message }) =>
    goodWhenFalse.has(type) ? status !== 'False' : status !== 'True' || (withReservations.has(type) && message !== ''),
  );
}

/** Writes a condition that is not plainly good as a sentence: its reason and message, or the reservation alone. */
export function problemText({ type, status, reason, message }: SaidCondition): string {
  if (status === 'True' && withReservations.has(type)) return message;
  return message === '' ? reason : `${reason}: ${message}`;
}
