// Reads the ports of the listeners of versions from their entries: a data plane keeps those of what it serves, though
// nobody asks for them any more.
import type { ClientBase } from 'pg';
import type { VersionPort } from '#libs/projection/versions/gateway-head.ts';
import { PortCount, portOfEntry } from '#libs/projection/versions/port-count.ts';
import { isListenerKey } from '#libs/snapshot/entry-key.ts';

const entriesQuery = `select hash, json from entries where hash = any($1)`;
// Only a gateway that is pinned, and has a candidate, serves another version than its head.
const servedQuery = `
  select distinct on (c.gateway, c.key) c.gateway, c.hash
    from gateways g
    join snapshot_changes c on c.gateway = g.gateway and c.key like 'listener/%' and c.version <= g.serving
   where g.serving <> g.head
   order by c.gateway, c.key, c.version desc`;

/** Holds ports by the hash of their listener's entry. */
type PortsByHash = ReadonlyMap<string, VersionPort>;

/** Reads the ports of listener entries. */
export async function readPorts(client: ClientBase, hashes: Iterable<string>): Promise<PortsByHash> {
  const { rows } = await client.query<{ hash: string; json: string }>(entriesQuery, [[...new Set(hashes)]]);
  return new Map(rows.map(({ hash, json }) => [hash, portOfEntry(json)]));
}

/** Reads the hashes of listener entries that are served and not in the head, by gateway. */
export async function readServedListeners(client: ClientBase): Promise<ReadonlyMap<string, readonly string[]>> {
  const { rows } = await client.query<{ gateway: string; hash: string | null }>(servedQuery);
  const byGateway = new Map<string, string[]>();
  for (const { gateway, hash } of rows) {
    const hashes = byGateway.get(gateway) ?? [];
    byGateway.set(gateway, hashes);
    if (hash !== null) hashes.push(hash);
  }
  return byGateway;
}

/** Picks the hashes of the listeners among entries. */
export function listenerHashes(entries: ReadonlyMap<string, string>): readonly string[] {
  return [...entries].flatMap(([key, hash]) => (isListenerKey(key) ? [hash] : []));
}

/** Finds the ports behind hashes, each once, in the order that the projection has them in. */
export function portsOf(hashes: Iterable<string>, ports: PortsByHash): readonly VersionPort[] {
  const count = new PortCount();
  for (const hash of hashes) {
    const port = ports.get(hash);
    if (port !== undefined) count.add(hash, port);
  }
  return count.list();
}
