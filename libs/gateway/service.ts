// Service: its ports, and how each is to be spoken to.
import { openBody } from '#libs/gateway/cursor.ts';
import type { KubeObject } from '#libs/gateway/object.ts';

export interface ServicePort {
  /** '' where the Service has one port without a name. */
  readonly name: string;
  readonly port: number;
  readonly appProtocol?: string;
}

export interface Service {
  /** An ExternalName Service is no backend (CVE-2021-25740). */
  readonly external: boolean;
  /** TCP ports only, the first of equal numbers. */
  readonly ports: readonly ServicePort[];
}

/** Reads a Service. A port that cannot be read is left out. */
export function parseService(object: KubeObject): Service {
  const { at } = openBody(object, 'spec');
  const ports = new Map<number, ServicePort>();
  for (const item of at.field('ports').items(1000)) {
    const port = item.field('port').integer(1, 65535);
    const protocol = item.field('protocol').present ? item.field('protocol').text() : 'TCP';
    const name = item.field('name').text() ?? '';
    const appProtocol = item.field('appProtocol').text();
    if (port === undefined || protocol !== 'TCP' || ports.has(port)) continue;
    ports.set(port, { name, port, ...(appProtocol === undefined ? {} : { appProtocol }) });
  }
  return { external: at.field('type').text() === 'ExternalName', ports: [...ports.values()] };
}
