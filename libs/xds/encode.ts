// Protobuf for the wire between node and Envoy: resources, and the two messages of the incremental ADS stream.
import type { XdsResource } from './resources.ts';

/** Path of the one method of the aggregated service that is served: a bidirectional stream of the two messages below. */
export const deltaMethod = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

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

export interface DeltaResponse {
  readonly typeUrl: string;
  /** `body` from encodeResource. */
  readonly resources: readonly { readonly name: string; readonly version: string; readonly body: Uint8Array }[];
  readonly removed: readonly string[];
  readonly nonce: string;
}

/** The bytes of a resource's message (the `value` of its google.protobuf.Any). */
export function encodeResource(resource: XdsResource): Uint8Array {
  void resource;
  throw new Error('to come');
}

/** Reads one DeltaDiscoveryRequest. Throws on bytes that are not one. */
export function decodeDeltaRequest(bytes: Uint8Array): DeltaRequest {
  void bytes;
  throw new Error('to come');
}

/** The bytes of one DeltaDiscoveryResponse. */
export function encodeDeltaResponse(response: DeltaResponse): Uint8Array {
  void response;
  throw new Error('to come');
}
