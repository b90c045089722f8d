// Finds which hosts, paths and parents the objects of a transaction begin and cease to mention. An object mentions
// something from one event to another: the one that took it away is the last that touched it.
import type { KubeObject } from '#libs/gateway/object.ts';
import { mentionsOf } from '#libs/gateway/mentions.ts';
import { type ObjectName, toObjectKey } from '#libs/gateway/object-key.ts';
import type { FoldedEvent } from '#libs/projection/versions/projection-change.ts';

/** What an object mentions from an event on, until another; null = it still does. */
interface Begun {
  readonly term: string;
  readonly object: ObjectName;
  readonly from: string;
  readonly until: string | null;
}

export interface MentionRows {
  readonly begun: readonly Begun[];
  /** What objects mentioned before the transaction, and do not after it. */
  readonly ended: readonly { readonly term: string; readonly object: ObjectName; readonly until: string }[];
}

/** The rows of a transaction in which no object changes. */
export const noMentions: MentionRows = { begun: [], ended: [] };

/** Follows the events in their order; `objectBefore` gives an object as it was before the first of its events. */
export function buildMentionRows(
  folded: readonly FoldedEvent[],
  objectBefore: (key: string) => KubeObject | undefined,
): MentionRows {
  const held = new Map<string, { readonly object: ObjectName; readonly terms: Map<string, string | null> }>();
  const begun: Begun[] = [];
  const ended: { term: string; object: ObjectName; until: string }[] = [];
  for (const { seq, event } of folded) {
    if (!('object' in event)) continue;
    const key = toObjectKey(event);
    let known = held.get(key);
    if (known === undefined) {
      const { cluster, kind, namespace, name } = event;
      const before = [...mentionsOf(event, objectBefore(key)?.['spec'])].map((term) => [term, null] as const);
      held.set(key, (known = { object: { cluster, kind, namespace, name }, terms: new Map(before) }));
    }
    const { object, terms } = known;
    const now = mentionsOf(event, event.object?.['spec']);
    const at = seq.toString();
    for (const [term, from] of terms) {
      if (now.has(term)) continue;
      terms.delete(term);
      if (from === null) ended.push({ term, object, until: at });
      else begun.push({ term, object, from, until: at });
    }
    for (const term of now) if (!terms.has(term)) terms.set(term, at);
  }
  for (const { object, terms } of held.values())
    for (const [term, from] of terms) if (from !== null) begun.push({ term, object, from, until: null });
  return { begun, ended };
}
