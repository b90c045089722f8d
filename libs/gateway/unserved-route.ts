// Routes of kinds that are not served yet (GRPCRoute, TLSRoute, TCPRoute, UDPRoute): only where they want to attach.
import { openBody } from '#libs/gateway/cursor.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { type ParentRef, parseParentRefs } from '#libs/gateway/parent-ref.ts';

/** The parentRefs of a route of any kind. */
export function parseUnservedRoute(object: KubeObject, namespace: string): readonly ParentRef[] {
  return parseParentRefs(openBody(object, 'spec').at, namespace);
}
