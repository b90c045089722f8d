// Makes the rows of later facts: the events that they are, how they are found from their change, and by which names
// their change is found.
import { type ChangeFact, factMessageId, factNames, factRank } from '#libs/events/change-fact.ts';
import { changeMessageId } from '#libs/events/subjects.ts';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import type { EventRow } from './event-row.ts';

/** A fact with its number in the history. */
export interface NumberedFact {
  readonly seq: bigint;
  readonly event: ChangeFact;
}

/** A row of the table `event_facts`. */
interface FactRow {
  readonly changeId: string;
  readonly type: string;
  readonly rank: number;
  readonly seq: string;
  /** JSON of what waits for the change; null = the change is written with it. */
  readonly names: string | null;
}

/** A row of the table `event_names`. */
interface NameRow {
  readonly what: 'by' | 'tool';
  readonly name: string;
  readonly changeId: string;
  /** Number of the change; null = it is looked for. */
  readonly seq: string | null;
}

/** Holds what one transaction writes of facts, and the changes that facts may have waited for. */
export interface FactRows {
  readonly facts: readonly FactRow[];
  readonly names: readonly NameRow[];
  readonly changes: readonly { readonly changeId: string; readonly seq: string }[];
}

/** Says which changes a transaction appends, by the ids that facts call them. */
export function changesOf(events: readonly { readonly seq: bigint; readonly event: object }[]): FactRows['changes'] {
  return events.flatMap(({ seq, event }) =>
    isChange(event) ? [{ changeId: changeMessageId(event), seq: seq.toString() }] : [],
  );
}

function isChange(event: object): event is ChangeEvent {
  return 'object' in event;
}

/** Makes the rows of facts beside changes of the same transaction. What names people must be concealed. */
export function buildFactRows(
  facts: readonly NumberedFact[],
  batch: string,
  changes: FactRows['changes'],
): Pick<FactRows, 'facts' | 'names'> & { readonly events: readonly EventRow[] } {
  const seqs = new Map(changes.map(({ changeId, seq }) => [changeId, seq]));
  const found: { readonly facts: FactRow[]; readonly names: NameRow[] } = { facts: [], names: [] };
  for (const { seq, event } of facts) {
    const changeSeq = seqs.get(event.change) ?? null;
    const names = factNames(event);
    found.facts.push({
      changeId: event.change,
      type: event.type,
      rank: factRank(event),
      seq: seq.toString(),
      names: changeSeq !== null || names.length === 0 ? null : JSON.stringify(names),
    });
    for (const { what, name } of names) found.names.push({ what, name, changeId: event.change, seq: changeSeq });
  }
  return { ...found, events: facts.map(({ seq, event }) => eventRow(seq, batch, event)) };
}

function eventRow(seq: bigint, batch: string, event: ChangeFact): EventRow {
  const { type, cluster, kind, namespace, name, uid } = event;
  return {
    seq: seq.toString(),
    batch,
    id: factMessageId(event),
    type,
    cluster,
    kind,
    namespace,
    name,
    uid,
    manager: null,
    operation: null,
    at: new Date(event.seenAt).toISOString(),
    data: JSON.stringify(event),
  };
}
