// Names a port of a Service in the fleet by its key: `cluster/namespace/service/port`, with `/udp` after it for UDP.
// The keys of backend entries and of endpoints are this key with a prefix.
import type { Transport } from '#libs/gateway/objects/service.ts';

/** Names one port of one Service. */
export interface ServicePortName {
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  readonly port: number;
  readonly transport: Transport;
}

/** Writes `cluster/namespace/service/port[/udp]`. */
export function toServicePortKey({ cluster, namespace, service, port, transport }: ServicePortName): string {
  return `${cluster}/${namespace}/${service}/${port}${transport === 'udp' ? '/udp' : ''}`;
}

/** Reads `cluster/namespace/service/port[/udp]`; undefined = the text is no such key. */
export function parseServicePortKey(key: string): ServicePortName | undefined {
  const [cluster, namespace, service, port, suffix, ...rest] = key.split('/');
  if (cluster === undefined || namespace === undefined || service === undefined || port === undefined) return undefined;
  if ((suffix !== undefined && suffix !== 'udp') || rest.length > 0) return undefined;
  return { cluster, namespace, service, port: Number(port), transport: suffix ?? 'tcp' };
}
