// Writes backends, and the services that are asked for consent, for people.
import type { Consent, Target } from '#libs/matching/verdict.ts';
import { toEndpointsKey } from '#libs/snapshot/discovery-key.ts';
import { parseEntryKey } from '#libs/snapshot/entry-key.ts';
import type { Ground } from './ground.ts';

/** Names a backend, or says why there is none. */
export function targetText(backend: Target): string {
  if ('invalid' in backend) return `nothing (${backend.invalid})`;
  const key = parseEntryKey(backend.key);
  if (key?.type !== 'backend') return backend.key;
  const { cluster, namespace, service, port } = key.port;
  const tls = backend.tls === undefined ? '' : `, by TLS as ${backend.tls.hostname}`;
  return `Service ${namespace}/${service} port ${port} in ${cluster}${tls}`;
}

/** Says how many endpoints of a backend are ready; undefined = not known, or there is no backend. */
export function readyCount(backend: Target, endpoints: Ground['endpoints']): number | undefined {
  const key = 'key' in backend ? parseEntryKey(backend.key) : undefined;
  return key?.type === 'backend' ? endpoints(toEndpointsKey(key.port)) : undefined;
}

/** Writes the fields of services that are asked: which, where that is said, and what comes of it without consent. */
export function consentFields(
  consents: readonly Consent[],
  endpoints: Ground['endpoints'],
): readonly (readonly [name: string, value: string])[] {
  return consents.flatMap((consent) => {
    const { by, index, protocol, service, pathPrefix, bodyMax } = consent;
    const ready = readyCount(service, endpoints);
    const readyText = ready === undefined ? '' : ready === 0 ? ', 0 ready: refused with 403' : `, ${ready} ready`;
    const path = pathPrefix === undefined ? '' : ` below ${pathPrefix}`;
    const when = by === 'listener' ? ', before routes are matched' : '';
    const body = bodyMax === 0 ? '' : `; a body of more than ${bodyMax} bytes gets 413`;
    return [
      ['consent', `${targetText(service)}${readyText}, asked by ${protocolNames[protocol]}${path}`],
      ['', `filter ${index} of the ${by}${when}; a refusal gets its answer, a failure 403${body}`],
    ] as const;
  });
}

const protocolNames = { http: 'HTTP', grpc: 'gRPC' } as const;
