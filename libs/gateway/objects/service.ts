// Parses a Service: its ports, and how each is to be spoken to.
import { type Cursor, openBody } from '#libs/gateway/fields/cursor.ts';
import type { KubeObject } from '#libs/gateway/object.ts';

export type Transport = 'tcp' | 'udp';

interface ServicePort {
  /** '' where the Service has one port without a name. */
  readonly name: string;
  readonly port: number;
  readonly transport: Transport;
  readonly appProtocol?: string;
}

export interface Service {
  /** An ExternalName Service is no backend (CVE-2021-25740). */
  readonly external: boolean;
  /** TCP and UDP ports, the first of equal numbers of each. */
  readonly ports: readonly ServicePort[];
}

/** Reads a Service. A port that cannot be read is left out. */
export function parseService(object: KubeObject): Service {
  const { at } = openBody(object, 'spec');
  const ports = new Map<string, ServicePort>();
  for (const item of at.field('ports').items(1000)) {
    const port = item.field('port').integer(1, 65535);
    const transport = parseTransport(item.field('protocol'));
    const name = item.field('name').text() ?? '';
    const appProtocol = item.field('appProtocol').text();
    const key = `${port ?? ''}/${transport ?? ''}`;
    if (port === undefined || transport === undefined || ports.has(key)) continue;
    ports.set(key, { name, port, transport, ...(appProtocol === undefined ? {} : { appProtocol }) });
  }
  return { external: at.field('type').text() === 'ExternalName', ports: [...ports.values()] };
}

/** Reads `protocol` of a port of a Service or EndpointSlice; undefined = neither TCP, which is the default, nor UDP. */
export function parseTransport(at: Cursor): Transport | undefined {
  const protocol = at.present ? at.text() : 'TCP';
  return protocol === 'TCP' ? 'tcp' : protocol === 'UDP' ? 'udp' : undefined;
}
