// Declares what Envoy is told: resources by type and name. Messages are plain objects in proto3 JSON form with
// snake_case fields, so that they read like Envoy's documentation and can stand in a static bootstrap as they are. They
// are never changed once made.

export type XdsType = 'cluster' | 'endpoints' | 'listener' | 'scope' | 'secret';

interface XdsTypeInfo {
  readonly type: XdsType;
  readonly typeUrl: string;
}

/**
 * Lists the types in push order for upserts: what is referred to before what refers to it, and a listener after its
 * scopes, so that it never answers without them. Removals go in the opposite order, after all upserts are in force.
 */
export const xdsTypes = [
  { type: 'cluster', typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Cluster' },
  { type: 'endpoints', typeUrl: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment' },
  { type: 'secret', typeUrl: 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret' },
  { type: 'scope', typeUrl: 'type.googleapis.com/envoy.config.route.v3.ScopedRouteConfiguration' },
  { type: 'listener', typeUrl: 'type.googleapis.com/envoy.config.listener.v3.Listener' },
] as const satisfies readonly XdsTypeInfo[];

const byTypeUrl: ReadonlyMap<string, XdsType> = new Map(xdsTypes.map((info) => [info.typeUrl, info.type]));
const typeUrls: ReadonlyMap<XdsType, string> = new Map(xdsTypes.map((info) => [info.type, info.typeUrl]));

/** Gives the type of a type URL, or undefined for one that Fleetgate does not serve. */
export function xdsTypeOf(typeUrl: string): XdsType | undefined {
  return byTypeUrl.get(typeUrl);
}

/** Gives the type URL of a type. */
export function typeUrlOf(type: XdsType): string {
  return typeUrls.get(type) ?? '';
}

/** Any JSON value of a proto3 JSON message. */
export type ProtoValue = string | number | boolean | null | ProtoMessage | readonly ProtoValue[];

/**
 * One message in proto3 JSON form, snake_case fields; inside an Any, `@type` names it. Undefined fields count as
 * absent.
 */
export interface ProtoMessage {
  readonly [field: string]: ProtoValue | undefined;
}

export interface XdsResource {
  readonly type: XdsType;
  readonly name: string;
  readonly message: ProtoMessage;
}

export type XdsTables = Readonly<Record<XdsType, ReadonlyMap<string, XdsResource>>>;

export interface XdsChange {
  /** In push order. */
  readonly upserts: readonly XdsResource[];
  /** In the opposite order; to be pushed when the upserts are in force. */
  readonly removes: readonly { readonly type: XdsType; readonly name: string }[];
}
