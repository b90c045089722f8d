// Declares the routes that one match of a rule becomes: mostly one; more where Envoy needs several for it.
import type { HttpRuleEntry } from '#libs/snapshot/entry.ts';
import type { CorsPolicy } from '#libs/gateway/filters/cors.ts';
import type { ProtoMessage } from './resources.ts';

/** A route without its name and what it matches. */
export interface RoutePart {
  /** Further header matches. */
  readonly headers?: readonly ProtoMessage[];
  /** Share of requests that it takes of those that reach it. */
  readonly fraction?: ProtoMessage;
  /** Action and header changes. */
  readonly fields: ProtoMessage;
  /** What asks for consent, in order; where absent, what the rule asks. */
  readonly auths?: readonly ProtoMessage[];
  /** Where it is another than that of the rule. */
  readonly cors?: CorsPolicy;
}

export type RouteParts = { readonly parts: readonly RoutePart[] } | { readonly problem: string };

type RuleProtocol = HttpRuleEntry['protocol'];

/** What cannot be honoured is answered 500. */
export const internalError: RoutePart = { fields: { direct_response: { status: 500 } } };

/** Says what is meant for an invalid backend. Envoy tells gRPC clients of a 503 as UNAVAILABLE. */
export function noBackend(protocol: RuleProtocol): RoutePart {
  return protocol === 'grpc' ? { fields: { direct_response: { status: 503 } } } : internalError;
}

/** Gives the same for a cluster that is not there. */
export function noBackendCode(protocol: RuleProtocol): string {
  return protocol === 'grpc' ? 'SERVICE_UNAVAILABLE' : 'INTERNAL_SERVER_ERROR';
}
