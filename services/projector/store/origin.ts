// Finds who made a version, and a sentence about why, from the events that were folded with it. Equal events give equal
// words.
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { carriedOut } from '#libs/events/operator-event.ts';
import type { FoldedEvent } from '#libs/projection/versions/projection-change.ts';
import type { NewVersion } from '#libs/projection/versions/gateway-head.ts';
import { parsePlaceKey, toLocalKey } from '#libs/gateway/object-key.ts';
import { parseEntryKey } from '#libs/snapshot/entry-key.ts';

/** Says who made a version, and in a sentence why. */
export interface Origin {
  readonly actor: string | null;
  readonly reason: string | null;
}

const namedMax = 3;

/** Finds the actor and reason of a new version; a batch of many changes names the first few that touch its entries. */
export function originOf(version: NewVersion, folded: readonly FoldedEvent[]): Origin {
  const changes: ChangeEvent[] = [];
  for (const { event } of folded) {
    if ('object' in event) changes.push(event);
    else if (event.type === 'cluster-removed') return { actor: event.actor?.name ?? null, reason: event.reason };
    else if (event.type !== 'restored' && event.gateway === version.gateway) {
      const command = carriedOut(event);
      if (command !== undefined) return { actor: command.actor.name, reason: whyOf(command) };
    }
  }
  const touched = new Set(version.changes.map(({ key }) => objectOf(key, version.gateway)));
  const direct = changes.filter((event) => touched.has(toLocalKey(event)));
  const causes = direct.length > 0 ? direct : changes;
  const actors = new Set(causes.flatMap(({ actor }) => (actor === null ? [] : [actor.manager])));
  const reasons = new Set(causes.map(causeText));
  return { actor: listed([...actors]), reason: listed([...reasons]) };
}

/** Writes `kind/namespace/name` of the object that an entry comes from. */
function objectOf(key: string, gateway: string): string {
  const entry = parseEntryKey(key);
  if (entry?.type === 'rule') return toLocalKey(entry.route);
  if (entry?.type === 'backend')
    return toLocalKey({ kind: 'Service', namespace: entry.port.namespace, name: entry.port.service });
  return toLocalKey({ ...parsePlaceKey(gateway), kind: 'Gateway' });
}

/** Says what was done, and why where the change says so. */
function causeText(event: ChangeEvent): string {
  const why = whyOf(event);
  return `${event.type} ${event.kind} ${placeOf(event)}${why === null ? '' : ` (${why})`}`;
}

/** Says which ticket asked for it, and why; null = nobody said. */
function whyOf({ ticket, reason }: { readonly ticket?: string; readonly reason?: string }): string | null {
  const said = [ticket, reason].filter((text) => text !== undefined);
  return said.length === 0 ? null : said.join(' ');
}

function placeOf({ namespace, name }: ChangeEvent): string {
  return namespace === '' ? name : `${namespace}/${name}`;
}

function listed(words: readonly string[]): string | null {
  if (words.length === 0) return null;
  const named = words.slice(0, namedMax).join(', ');
  return words.length > namedMax ? `${named} and ${words.length - namedMax} more` : named;
}
