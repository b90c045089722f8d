// Decides about connections that no HTTP rule answers: TCP and UDP by their port, TLS by its server name. The
// route with the most specific hostname takes all of them, of several the oldest.
import { coveringHostnames } from '#libs/snapshot/port-arrangement.ts';
import { compareStreamRules } from '#libs/snapshot/precedence.ts';
import { ownerOf, type Place, type PortTable } from './port-table.ts';
import type { StreamVerdict, Verdict } from './verdict.ts';

export interface StreamConnection {
  readonly port: number;
  readonly transport: 'tcp' | 'udp';
  /** Of a TLS handshake. */
  readonly serverName?: string;
}

interface StreamTables {
  readonly tcp: ReadonlyMap<number, PortTable>;
  readonly udp: ReadonlyMap<number, PortTable>;
}

/** Says what becomes of a connection. */
export function matchStream(tables: StreamTables, { port: number, transport, serverName }: StreamConnection): Verdict {
  const port = tables[transport].get(number);
  if (port === undefined) return { type: 'refused', reason: `nothing listens on ${transport} port ${number}` };
  const name = (serverName ?? '').toLowerCase();
  const place = ownerOf(port, port.family === 'tls' ? name : '*');
  if (place === undefined) return { type: 'closed', reason: `no listener of port ${number} is for this server name` };
  if (place.protocol === 'HTTP' || place.protocol === 'HTTPS')
    return { type: 'closed', reason: `port ${number} answers ${place.protocol} here` };
  return streamTo(place, port.family === 'tls' ? name : '*');
}

/** Says where a connection goes that belongs to a listener hostname. */
export function streamTo(place: Place, name: string): Verdict {
  const [listener] = place.listeners;
  if (listener === undefined) return { type: 'closed', reason: 'nothing listens' };
  for (const hostname of coveringHostnames(name)) {
    const rules = place.streams.get(hostname) ?? [];
    const [rule] = rules.toSorted((a, b) => compareStreamRules(a.entry, b.entry, hostname));
    if (rule === undefined) continue;
    const weighted = rule.entry.backends.filter(({ weight }) => weight > 0);
    const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
    const shares: StreamVerdict['shares'] = weighted.map((backend) => ({
      backend: 'key' in backend ? { key: backend.key } : { invalid: backend.invalid },
      share: backend.weight / total,
    }));
    if (shares.every(({ backend }) => 'invalid' in backend))
      return { type: 'closed', reason: 'the rule has no backend that is there', listener };
    return { type: 'stream', listener, hostname, rule, shares };
  }
  return { type: 'closed', reason: 'no rule takes the connection', listener };
}
