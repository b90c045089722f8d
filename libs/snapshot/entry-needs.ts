// Says what entries want of a node beyond their first form. A node that does not know a filter would leave it out, and
// serve without it what it protects: a hub sends such entries only to nodes that say that they understand them.
//
//   external-auth   rules, backends and listeners that ask for consent (ExternalAuth, ListenerEntry.filters)

/** What nodes of this build understand. */
export const understoodNeeds = ['external-auth'] as const;

const none: readonly string[] = [];
const externalAuth: readonly string[] = ['external-auth'];

/** Lists what an entry's canonical JSON needs; text of users is escaped in it, and cannot look like a filter. */
export function needsOf(json: string): readonly string[] {
  return json.includes('"type":"external-auth"') ? externalAuth : none;
}
