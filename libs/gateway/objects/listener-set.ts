// Parses a ListenerSet, which brings more listeners for a Gateway.
import { openBody } from '#libs/gateway/fields/cursor.ts';
import { ignoredInListeners, type Listener, parseListeners } from './listener.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { gatewayGroup, parseParentRef } from '#libs/gateway/fields/parent-ref.ts';
import type { Problem } from '#libs/gateway/problem.ts';

export interface ListenerSet {
  /** The Gateway that it wants to extend; absent where it names none. */
  readonly gateway?: { readonly namespace: string; readonly name: string };
  readonly listeners: readonly Listener[];
  /** Mistakes outside the listeners, and listeners without a usable name. */
  readonly problems: readonly Problem[];
  /** Fields that are left out. */
  readonly ignored: readonly string[];
}

/** Reads a ListenerSet. Whatever it holds, this gives a value. */
export function parseListenerSet(object: KubeObject, namespace: string): ListenerSet {
  const { at, problems } = openBody(object, 'spec');
  const ref = parseParentRef(at.field('parentRef'), namespace);
  const isGateway = ref?.group === gatewayGroup && ref.kind === 'Gateway';
  const gateway = ref && isGateway ? { namespace: ref.namespace, name: ref.name } : undefined;
  const ignored = ignoredInListeners(at);
  return { ...(gateway === undefined ? {} : { gateway }), listeners: parseListeners(at, namespace), problems, ignored };
}
