// Says in the history when a projector began to write it and when it ended: a time in which nobody wrote is seen, and
// so is a leader that ended without a word.
import type { Kysely } from 'kysely';
import type { DeedEvent } from '#libs/events/deed-event.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import { noteDeeds, readLastDeed } from '#libs/runtime/postgres/deeds.ts';
import type { ProjectorIdentity } from './presence.ts';

interface LogDeed {
  readonly self: ProjectorIdentity;
  readonly epoch: string;
  readonly now: () => Date;
}

/** Notes that a projector leads, and how the leader before it ended. */
export async function noteLogStarted(db: Kysely<Database>, { self, epoch, now }: LogDeed): Promise<void> {
  const last = await readLastDeed(db, ['log-started', 'log-stopped']);
  const reason = `writes the history under epoch ${epoch}, version ${self.version}; ${endOf(last)}`;
  await noteDeeds(db, [deedOf('log-started', self, epoch, now(), reason)]);
}

/** Notes that a projector stops in order. */
export async function noteLogStopped(db: Kysely<Database>, { self, epoch, now }: LogDeed): Promise<void> {
  await noteDeeds(db, [deedOf('log-stopped', self, epoch, now(), `stops to write the history under epoch ${epoch}`)]);
}

function deedOf(
  type: 'log-started' | 'log-stopped',
  { projector, host }: ProjectorIdentity,
  epoch: string,
  at: Date,
  reason: string,
): DeedEvent {
  const said = `${projector} ${reason}`;
  const id = `${type}:${epoch}`;
  return { v: 1, type, id, at: at.toISOString(), actor: null, from: host, subject: epoch, reason: said };
}

function endOf(last: DeedEvent | undefined): string {
  if (last === undefined) return 'it is the first that says so';
  const { type, subject, at } = last;
  if (type === 'log-stopped') return `epoch ${subject} ended in order at ${at}`;
  return `epoch ${subject}, begun at ${at}, ended without a word`;
}
