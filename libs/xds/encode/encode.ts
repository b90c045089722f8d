// Encodes and decodes what node and Envoy send each other: resources, and the two messages of the incremental ADS
// stream. A subscription to all clusters, listeners or scopes wants an answer even when there are none: Envoy waits for
// it before it takes connections. Loading it reads the .proto files (proto-types.ts).
import { isRecord } from '#libs/gateway/fields/record.ts';
import { encodeMessage } from './encode-message.ts';
import { protoType } from './proto-types.ts';
import { typeUrlOf, type XdsResource } from '#libs/xds/envoy/resources.ts';

/**
 * Path of the one method of the aggregated service that is served: a bidirectional stream of the two messages below.
 */
export const deltaMethod = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

const requestType = 'envoy.service.discovery.v3.DeltaDiscoveryRequest';
const responseType = 'envoy.service.discovery.v3.DeltaDiscoveryResponse';

export interface DeltaRequest {
  readonly nodeId: string | undefined;
  readonly typeUrl: string;
  readonly subscribe: readonly string[];
  readonly unsubscribe: readonly string[];
  /** Name → version that Envoy still holds; on the first request of a type on a stream. */
  readonly initialVersions: Readonly<Record<string, string>>;
  /** '' when this is not an answer. */
  readonly nonce: string;
  /** Envoy's reason when it did not take the response with this nonce. */
  readonly error: string | undefined;
}

interface DeltaResponse {
  readonly typeUrl: string;
  /** `body` from encodeResource. */
  readonly resources: readonly { readonly name: string; readonly version: string; readonly body: Uint8Array }[];
  readonly removed: readonly string[];
  readonly nonce: string;
}

/**
 * Gives the bytes of a resource's message (the `value` of its google.protobuf.Any). Throws on a message that does not
 * fit its type.
 */
export function encodeResource(resource: XdsResource): Uint8Array {
  return encodeMessage(typeUrlOf(resource.type).replace('type.googleapis.com/', ''), resource.message);
}

/** Reads one DeltaDiscoveryRequest. Throws on bytes that are not one. */
export function decodeDeltaRequest(bytes: Uint8Array): DeltaRequest {
  const type = protoType(requestType);
  const plain: unknown = type.toObject(type.decode(bytes));
  const request = asRecord(plain);
  const error = request['error_detail'];
  return {
    nodeId: text(asRecord(request['node'])['id']),
    typeUrl: text(request['type_url']) ?? '',
    subscribe: texts(request['resource_names_subscribe']),
    unsubscribe: texts(request['resource_names_unsubscribe']),
    initialVersions: Object.fromEntries(
      Object.entries(asRecord(request['initial_resource_versions'])).map(([name, version]) => [
        name,
        text(version) ?? '',
      ]),
    ),
    nonce: text(request['response_nonce']) ?? '',
    error: error === undefined || error === null ? undefined : (text(asRecord(error)['message']) ?? 'no reason given'),
  };
}

/** Gives the bytes of one DeltaDiscoveryResponse. */
export function encodeDeltaResponse(response: DeltaResponse): Uint8Array {
  const type = protoType(responseType);
  return type
    .encode({
      type_url: response.typeUrl,
      nonce: response.nonce,
      removed_resources: response.removed,
      resources: response.resources.map(({ name, version, body }) => ({
        name,
        version,
        resource: { type_url: response.typeUrl, value: body },
      })),
    })
    .finish();
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
