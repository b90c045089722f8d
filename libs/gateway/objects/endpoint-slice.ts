// Parses an EndpointSlice, which lists addresses behind a Service with their readiness.
import { openBody } from '#libs/gateway/fields/cursor.ts';
import { ipVersion } from '#libs/gateway/ip-address.ts';
import { labels } from '#libs/gateway/fields/metadata.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { Problem } from '#libs/gateway/problem.ts';
import { parseTransport, type Transport } from './service.ts';

export interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly ready: boolean;
  /** Still answers while it goes away. */
  readonly draining: boolean;
}

export interface EndpointSlice {
  /** Name of the Service, in the slice's namespace. */
  readonly service: string;
  /** TCP and UDP ports by the name of the Service's port. */
  readonly ports: readonly { readonly name: string; readonly port: number; readonly transport: Transport }[];
  readonly endpoints: readonly SliceEndpoint[];
  /** Of what was left out. */
  readonly problems: readonly Problem[];
}

const serviceLabel = 'kubernetes.io/service-name';

/** Reads an EndpointSlice; undefined = it belongs to no Service. What cannot be read in it is left out. */
export function parseEndpointSlice(object: KubeObject): EndpointSlice | undefined {
  const service = labels(object)[serviceLabel];
  if (service === undefined || service === '') return undefined;
  const portList = openBody(object, 'ports');
  const ports = portList.at.items(1000).flatMap((item) => {
    const port = item.field('port').integer(1, 65535);
    const transport = parseTransport(item.field('protocol'));
    if (port === undefined || transport === undefined) return [];
    return [{ name: item.field('name').text() ?? '', port, transport }];
  });
  const endpointList = openBody(object, 'endpoints');
  const endpoints = endpointList.at.items(1000).flatMap((item): SliceEndpoint[] => {
    const addresses = item
      .field('addresses')
      .items(100)
      .flatMap((address) => {
        const text = address.text();
        return text === undefined || ipVersion(text) === 0 ? [] : [text];
      });
    if (addresses.length === 0) return [];
    const conditions = item.field('conditions');
    // Absent means ready (EndpointConditions).
    const ready = conditions.field('ready').boolean() !== false;
    const draining =
      conditions.field('serving').boolean() === true && conditions.field('terminating').boolean() === true;
    return [{ addresses, ready, draining }];
  });
  return { service, ports, endpoints, problems: [...portList.problems, ...endpointList.problems] };
}
