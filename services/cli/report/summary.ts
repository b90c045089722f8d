// Counts the changes of a report while they pass: by who, how far that is known, kind and outcome. Each count stands
// beside what it is of.
import { authorOf, certaintyOf, requesterOf } from './change-columns.ts';
import type { ReportedChange } from './change-reads.ts';

/** A name that somebody may have chosen; so many are counted apart, and the others together. */
const namesMax = 500;
const others = 'others';

/** Counts of one question, the most frequent first. */
interface Counts {
  readonly title: string;
  readonly rows: readonly (readonly [name: string, count: number])[];
}

export class Summary {
  readonly #counts: ReadonlyMap<string, Map<string, number>> = new Map(
    questions.map(([title]) => [title, new Map<string, number>()]),
  );
  total = 0;

  add(change: ReportedChange): void {
    this.total += 1;
    for (const [title, answer] of questions) {
      const counts = this.#counts.get(title);
      if (counts === undefined) continue;
      const said = answer(change);
      const name = counts.has(said) || counts.size < namesMax ? said : others;
      counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }

  get counts(): readonly Counts[] {
    return [...this.#counts].map(([title, counts]) => ({
      title,
      rows: [...counts].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1)),
    }));
  }
}

const questions: readonly (readonly [title: string, answer: (change: ReportedChange) => string])[] = [
  ['author', authorOf],
  ['requester', requesterOf],
  ['certainty', certaintyOf],
  ['what', ({ event }) => event.type],
  ['kind', ({ event }) => event.kind],
  ['cluster', ({ event }) => event.cluster || 'the fleet'],
  ['outcome', ({ outcome }) => outcome],
  ['with a reason', ({ event }) => ((event.reason ?? event.ticket) === null ? 'no' : 'yes')],
];
