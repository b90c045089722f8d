// Makes random listeners of every protocol for tests, on few ports and for few hostnames, so that they meet. Some
// demand certificates of clients.
import * as fc from 'fast-check';
import type { ClientValidation, ListenerEntry } from '#libs/snapshot/entry.ts';
import { pick, rarely } from './random-picks.ts';

/** The ports that listeners are on. */
export interface RoutePorts {
  readonly plain: readonly number[];
  /** HTTPS and TLS. */
  readonly secure: number;
  /** TCP, and UDP. */
  readonly stream: number;
}

export type ListenerChoice = Pick<
  ListenerEntry,
  'port' | 'protocol' | 'hostname' | 'tlsMode' | 'certificates' | 'clientValidation' | 'refusesClients'
>;

export const hostnames = ['*', '*.test', 'a.test', 'b.test', '*.a.test', 'x.a.test', 'y.x.a.test', 'c.other'];
export const certificateKey = 'tls/eu/infra/cert';
/** Discovery keys of the authorities that clients' certificates are of. */
export const clientAuthorities = ['ca/eu/ConfigMap/infra/one', 'ca/eu/ConfigMap/infra/two'] as const;

const validation: fc.Arbitrary<ClientValidation> = fc.record({
  mode: pick('AllowValidOnly', 'AllowValidOnly', 'AllowInsecureFallback'),
  authorities: pick<readonly string[]>([clientAuthorities[0]], [clientAuthorities[1]], clientAuthorities),
});

const terminated = fc
  .record({
    certificates: pick(...Array.from({ length: 7 }, () => [certificateKey]), []),
    demand: rarely(validation, 3),
  })
  .map(({ certificates, demand }) => ({ certificates, ...(demand === undefined ? {} : { clientValidation: demand }) }));

/** Made of a listener whose authorities are all missing. */
const refusing = { certificates: [], refusesClients: true } as const;

const plain = { certificates: [], hostname: '*' } as const;

/** Gives one listener. */
export function listenerChoice(ports: RoutePorts): fc.Arbitrary<ListenerChoice> {
  const hostname = pick(...hostnames);
  const tls = fc.oneof({ weight: 15, arbitrary: terminated }, { weight: 1, arbitrary: fc.constant(refusing) });
  const secure = fc.tuple(hostname, tls).map(([name, rest]) => ({ port: ports.secure, hostname: name, ...rest }));
  return fc.oneof(
    { weight: 12, arbitrary: fc.tuple(pick(...ports.plain), hostname).map(([port, name]) => http(port, name)) },
    { weight: 10, arbitrary: secure.map((one) => ({ ...one, protocol: 'HTTPS' as const })) },
    {
      weight: 4,
      arbitrary: secure.map((one) => ({ ...one, protocol: 'TLS' as const, tlsMode: 'Terminate' as const })),
    },
    {
      weight: 4,
      arbitrary: hostname.map((name) => ({
        port: ports.secure,
        hostname: name,
        protocol: 'TLS' as const,
        tlsMode: 'Passthrough' as const,
        certificates: [],
      })),
    },
    {
      weight: 4,
      arbitrary: pick(ports.stream, ports.stream, ...ports.plain).map((port) => ({
        ...plain,
        port,
        protocol: 'TCP' as const,
      })),
    },
    { weight: 2, arbitrary: fc.constant({ ...plain, port: ports.stream, protocol: 'UDP' as const }) },
  );
}

function http(port: number, hostname: string): ListenerChoice {
  return { port, hostname, protocol: 'HTTP', certificates: [] };
}
