// The routes that one match of a rule becomes: mostly one; more where Envoy needs several for it.
import type { ProtoMessage } from './resources.ts';

/** A route without its name and what it matches. */
export interface RoutePart {
  /** Further header matches. */
  readonly headers?: readonly ProtoMessage[];
  /** Share of requests that it takes of those that reach it. */
  readonly fraction?: ProtoMessage;
  /** Action and header changes. */
  readonly fields: ProtoMessage;
}

export type RouteParts = { readonly parts: readonly RoutePart[] } | { readonly problem: string };

/** What cannot be honoured is answered 500. */
export const internalError: RoutePart = { fields: { direct_response: { status: 500 } } };
