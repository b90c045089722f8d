// Decides about connections that no HTTP rule answers: TCP and UDP by their port, TLS by its server name. The
// route with the most specific hostname takes all of them, of several the oldest.
import type { BackendEntry } from '#libs/snapshot/entry.ts';
import { coveringHostnames } from '#libs/snapshot/port-arrangement.ts';
import { compareStreamRules } from '#libs/snapshot/precedence.ts';
import type { ClientTls } from './client-tls.ts';
import { shakeHands } from './handshake.ts';
import { ownerOf, type PortTable, type StreamRuleOf } from './port-table.ts';
import { targetOf } from './target.ts';
import type { StreamVerdict, Verdict } from './verdict.ts';

export interface StreamConnection {
  readonly port: number;
  readonly transport: 'tcp' | 'udp';
  /** Absent = the client begins without a TLS handshake. */
  readonly tls?: ClientTls;
}

interface StreamTables {
  readonly tcp: ReadonlyMap<number, PortTable>;
  readonly udp: ReadonlyMap<number, PortTable>;
  /** By gateway and entry key. */
  readonly backends: ReadonlyMap<string, BackendEntry>;
}

/** Says what becomes of a connection. */
export function matchStream(tables: StreamTables, { port: number, transport, tls }: StreamConnection): Verdict {
  const port = tables[transport].get(number);
  if (port === undefined) return { type: 'refused', reason: `nothing listens on ${transport} port ${number}` };
  const arrival = arriveAt(port, tls);
  if ('problem' in arrival) return { type: 'closed', reason: arrival.problem };
  const { place, name } = arrival;
  const [listener] = place.listeners;
  if (listener === undefined) return { type: 'closed', reason: 'nothing listens' };
  if (place.protocol === 'HTTP' || place.protocol === 'HTTPS')
    return { type: 'closed', reason: `port ${number} answers ${place.protocol} here`, listener };
  for (const hostname of coveringHostnames(name)) {
    const rules = place.streams.get(hostname) ?? [];
    const [rule] = rules.toSorted((a, b) => compareStreamRules(a.entry, b.entry, hostname));
    if (rule !== undefined) return streamTo(rule, { listener, hostname }, tables);
  }
  return { type: 'closed', reason: 'no rule takes the connection', listener };
}

function arriveAt(port: PortTable, tls: ClientTls | undefined): ReturnType<typeof shakeHands> {
  if (port.family === 'tls') return shakeHands(port, tls);
  const place = ownerOf(port, '*') ?? [...port.places.values()][0];
  return place === undefined ? { problem: 'nothing listens' } : { place, name: '*' };
}

/** Says where a connection goes that a rule takes. */
function streamTo(
  rule: StreamRuleOf,
  at: Pick<StreamVerdict, 'listener' | 'hostname'>,
  { backends }: StreamTables,
): Verdict {
  const weighted = rule.entry.backends.filter(({ weight }) => weight > 0);
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  const shares: StreamVerdict['shares'] = weighted.map((choice) => ({
    backend: targetOf(choice, (key) => backends.get(`${rule.gateway} ${key}`)),
    share: choice.weight / total,
  }));
  if (shares.every(({ backend }) => 'invalid' in backend))
    return { type: 'closed', reason: 'the rule has no backend that is there', listener: at.listener };
  return { type: 'stream', ...at, rule, shares };
}
