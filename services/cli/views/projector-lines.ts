// Shows the projectors in sentences: which one leads and since when, and what is wrong when none does.
import type { z } from 'zod';
import type { projector } from '#libs/api/models/projector.ts';
import { type Look, ago, oneLine, wrapLine } from './table.ts';

export type Projector = z.output<typeof projector>;

/** Writes a line for each projector, and what follows from it where none leads or the one that leads cannot work. */
export function projectorLines(projectors: readonly Projector[], { now, width }: Look): readonly string[] {
  const lines = projectors.map(
    (one) =>
      `projector ${nameOf(one)}: ${one.status}${one.status === 'silent' ? ', last heard' : ''} ${sinceOf(one, now)}`,
  );
  const leader = projectors.find(({ leads }) => leads);
  const problems = leader?.problems ?? [];
  if (leader === undefined) lines.push(`! ${nobodyLeads(projectors)}`);
  for (const problem of problems) lines.push(`! projector ${leader?.projector ?? ''}: ${problem}`);
  return lines.map((line) => wrapLine(oneLine(line), width));
}

function nobodyLeads(projectors: readonly Projector[]): string {
  const one = projectors.find(({ leaseUntil }) => leaseUntil !== null);
  const who = one === undefined ? 'No projector runs' : `Projector ${nameOf(one)} leads no longer: it does not answer`;
  return `${who}. Changes wait and agents are not heard until one leads; what is shown is as of then.`;
}

function nameOf({ projector, pid }: Projector): string {
  return `${projector} (process ${pid})`;
}

function sinceOf({ since, status }: Projector, now: Date): string {
  return status === 'silent' ? `${since} (${ago(since, now)} ago)` : `since ${since} (${ago(since, now)})`;
}
