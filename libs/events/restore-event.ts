// A restore event says that the database is older than what was seen of it before, and from which numbers on versions
// go on. The projector appends it; it comes by no other way. This is version 1.

export interface RestoreEvent {
  readonly v: 1;
  readonly type: 'restored';
  /** The same for the same finding, so that it is told once. */
  readonly id: string;
  /** RFC 3339. */
  readonly at: string;
  /** How it was noticed: a sentence. */
  readonly reason: string;
  /** So many numbers every gateway passes over, those included that are not known yet. */
  readonly skip: number;
  /** Highest number that a node holds, by gateway; the next version is above it. */
  readonly above: Readonly<Record<string, number>>;
}
