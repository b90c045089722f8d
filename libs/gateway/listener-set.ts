// ListenerSet: not served yet; only which Gateway it wants to extend.
import { openBody } from '#libs/gateway/cursor.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { type ParentRef, parseParentRef } from '#libs/gateway/parent-ref.ts';

/** The parentRef of a ListenerSet. */
export function parseListenerSetParent(object: KubeObject, namespace: string): ParentRef | undefined {
  return parseParentRef(openBody(object, 'spec').at.field('parentRef'), namespace);
}
