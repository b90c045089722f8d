// Declares what a route of any kind says, in one of two forms: rules for HTTP requests, or rules for connections.
import type { HttpRule } from './http-rule.ts';
import type { ParentRef } from '#libs/gateway/fields/parent-ref.ts';
import type { Problem } from '#libs/gateway/problem.ts';
import type { StreamRule } from './stream-rule.ts';

interface RouteHead {
  readonly parentRefs: readonly ParentRef[];
  /** Empty = any host of the listener. Always empty for TCP and UDP. */
  readonly hostnames: readonly string[];
  /** Mistakes outside the rules: the route is not accepted. */
  readonly problems: readonly Problem[];
  /** Fields that are understood but not supported, and left out. */
  readonly ignored: readonly string[];
}

/** HTTPRoute, GRPCRoute, and what is converted to them. */
export interface HttpRoute extends RouteHead {
  readonly type: 'http';
  /** Present and 'grpc' for a GRPCRoute. */
  readonly protocol?: 'grpc';
  readonly rules: readonly HttpRule[];
}

/** TLSRoute, TCPRoute and UDPRoute. */
export interface StreamRoute extends RouteHead {
  readonly type: 'tls' | 'tcp' | 'udp';
  readonly rules: readonly StreamRule[];
}

export type RouteSpec = HttpRoute | StreamRoute;
