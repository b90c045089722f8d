// Makes random connections for a route set that are no requests: TLS with server names near those that are routed, with
// and without certificates; TCP and UDP.
import * as fc from 'fast-check';
import type { StreamConnection } from '#libs/matching/stream.ts';
import { clientAuthorities } from './random-listeners.ts';
import type { RouteSet } from './route-sets.ts';

/** Choices that become a connection once there is a route set. */
interface ConnectionChoice {
  readonly listener: number;
  readonly host: number;
  readonly serverName: number;
  readonly isOdd: boolean;
  readonly certificate: number;
}

/** Choices of one connection. */
export const connectionChoice: fc.Arbitrary<ConnectionChoice> = fc.record({
  listener: fc.nat(20),
  host: fc.nat(20),
  serverName: fc.nat(9),
  isOdd: fc.nat(9).map((number) => number === 0),
  certificate: fc.nat(3),
});

/** Gives the connection that choices mean for a route set; undefined = it has no listener for any. */
export function nearConnection({ gateways }: RouteSet, choice: ConnectionChoice): StreamConnection | undefined {
  const entries = gateways.flatMap((one) => [...one.entries.values()]);
  const listeners = entries.flatMap((entry) =>
    entry.kind === 'listener' && ['TLS', 'TCP', 'UDP'].includes(entry.protocol) ? [entry] : [],
  );
  const listener = listeners[choice.listener % listeners.length];
  if (listener === undefined) return undefined;
  const { port, protocol } = listener;
  if (protocol === 'UDP') return { port, transport: 'udp' };
  // One in ten begins as the port does not expect.
  if ((protocol === 'TLS') === choice.isOdd) return { port, transport: 'tcp' };
  const hosts = entries.flatMap((entry) => (entry.kind === 'stream-rule' ? entry.hosts : []));
  const hostname = hosts[choice.host % hosts.length]?.hostname ?? listener.hostname;
  const serverName = nameFor(hostname, choice.serverName);
  const authority = clientAuthorities[choice.certificate];
  return {
    port,
    transport: 'tcp',
    tls: {
      ...(serverName === undefined ? {} : { serverName }),
      ...(authority === undefined ? {} : { certificate: { signedBy: [authority] } }),
    },
  };
}

function nameFor(hostname: string, how: number): string | undefined {
  if (how === 0) return undefined;
  if (how === 1) return 'nobody.example';
  const host = hostname === '*' ? 'any.example' : hostname.replace(/^\*/, how === 2 ? 'v.w' : 'w');
  return how === 3 ? host.toUpperCase() : host;
}
