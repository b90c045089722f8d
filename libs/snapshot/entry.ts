// The unit of a snapshot is an entry: one accepted listener of the gateway, one rule of one route, or one port of one
// Service with how to speak to it. An entry is plain JSON, named by a key (`entry-key.ts`), identified by the SHA-256
// of its canonical JSON.
import type { ExternalAuthFilter } from '#libs/gateway/filters/external-auth.ts';
import type { CorsPolicy } from '#libs/gateway/filters/cors.ts';
import type { HeaderChange, PathChange, Redirect } from '#libs/gateway/filters/http-filter.ts';
import type { HttpMatch } from '#libs/gateway/objects/http-match.ts';

export type ListenerProtocol = 'HTTP' | 'HTTPS' | 'TLS' | 'TCP' | 'UDP';

/** Says which certificates clients must show (FrontendTLSValidation). */
export interface ClientValidation {
  /** Discovery keys `ca/…`; at least one. */
  readonly authorities: readonly string[];
  readonly mode: 'AllowValidOnly' | 'AllowInsecureFallback';
}

/** Describes one accepted listener. Invalid listeners have conditions and no entry. */
export interface ListenerEntry {
  readonly kind: 'listener';
  /** Unique in its gateway: the Gateway's own listener by its name, one of a ListenerSet as `namespace/set/name`. */
  readonly name: string;
  readonly port: number;
  readonly protocol: ListenerProtocol;
  /** Present on TLS listeners; HTTPS ones always terminate. */
  readonly tlsMode?: 'Terminate' | 'Passthrough';
  /** Lower case; '*' = any host, '*.example.com' = wildcard. Always '*' for TCP and UDP. */
  readonly hostname: string;
  /** Discovery keys `tls/<cluster>/<namespace>/<name>`, where TLS is terminated, in the order of certificateRefs. */
  readonly certificates: readonly string[];
  /** What is demanded of clients where TLS is terminated. */
  readonly clientValidation?: ClientValidation;
  /** It demands of clients what cannot be had: nobody gets in, whatever another listener of its hostname says. */
  readonly refusesClients?: true;
  /** What runs on every request before rules are asked, in this order (GEP-5224); only where HTTP is spoken. */
  readonly filters?: readonly ExternalAuth[];
  /** creationTimestamp of the Gateway: the older one wins where gateways share a port and hostname on one node. */
  readonly createdAt: string;
}

export type HttpFilter =
  | ({ readonly type: 'request-headers' } & HeaderChange)
  | ({ readonly type: 'response-headers' } & HeaderChange)
  | { readonly type: 'rewrite'; readonly hostname?: string; readonly path?: PathChange }
  | {
      readonly type: 'mirror';
      readonly backend: BackendChoice;
      readonly numerator: number;
      readonly denominator: number;
    }
  | ({ readonly type: 'cors' } & CorsPolicy)
  | ExternalAuth;

/**
 * Asks an authorization service about a request; without its consent the request is refused (HTTPExternalAuthFilter,
 * GEP-1494).
 */
export interface ExternalAuth extends Omit<ExternalAuthFilter, 'target'> {
  /** Without a backend nobody consents: every request is answered 500. */
  readonly backend: BackendChoice;
}

/** Says which answers are tried again, and how often (HTTPRouteRetry). */
export interface RetryPolicy {
  /** Status codes that are tried again; what has not reached a backend always is. */
  readonly codes: readonly number[];
  /** Tries after the first; 0 = none, whatever failed. */
  readonly attempts: number;
  readonly backoffMs?: number;
}

/**
 * Names a backend by its entry key, or says why there is none (the share of requests that it would get is answered
 * 500).
 */
type BackendChoice = { readonly key: string } | { readonly invalid: string };

export type WeightedBackend = BackendChoice & { readonly weight: number; readonly filters: readonly HttpFilter[] };

export type RuleAction =
  | { readonly type: 'forward'; readonly backends: readonly WeightedBackend[] }
  | { readonly type: 'redirect'; readonly redirect: Redirect }
  /** The rule cannot be honoured (for example an unknown filter): answers 500 on its matches. */
  | { readonly type: 'invalid'; readonly reason: string };

/** Names the route that a rule is of. */
export interface RouteName {
  /** As the object was written: one of the watched kinds of routes. */
  readonly kind: string;
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly createdAt: string;
}

/** Says where a rule is attached: listener (ListenerEntry.name) and effective hostname (the intersection). */
export interface AttachedHost {
  readonly listener: string;
  readonly hostname: string;
  /**
   * The hostname of the route where the listener narrows it; '*' = the route has none. Absent: it is `hostname`, as in
   * entries that are older than this field.
   */
  readonly original?: string;
}

export interface HttpRuleEntry {
  readonly kind: 'http-rule';
  readonly route: RouteName;
  readonly index: number;
  readonly name?: string;
  /** Sorted; at least one. */
  readonly hosts: readonly AttachedHost[];
  /** At least one. */
  readonly matches: readonly HttpMatch[];
  readonly filters: readonly HttpFilter[];
  readonly action: RuleAction;
  /** Whole request and one attempt, in ms; 0 = no limit. */
  readonly timeouts?: { readonly requestMs?: number; readonly backendRequestMs?: number };
  readonly retry?: RetryPolicy;
  /** Present and 'grpc' for a GRPCRoute: backends are spoken to by HTTP/2, and failures are told by gRPC status. */
  readonly protocol?: 'grpc';
}

/** Describes one rule of a TLSRoute, TCPRoute or UDPRoute: connections (UDP: sessions) go to weighted backends. */
export interface StreamRuleEntry {
  readonly kind: 'stream-rule';
  readonly route: RouteName;
  readonly index: number;
  readonly name?: string;
  /** Sorted; at least one. Hostnames are those of the TLS handshake (SNI), '*' on TCP and UDP listeners. */
  readonly hosts: readonly AttachedHost[];
  /** The share of an invalid backend is closed without an answer. None at all: all are. */
  readonly backends: readonly (BackendChoice & { readonly weight: number })[];
}

/** Says how a backend is to be spoken to by TLS (BackendTLSPolicy). */
export interface BackendTls {
  /** SNI, and the name that the certificate must have where `subjectAltNames` is empty. */
  readonly hostname: string;
  /** Discovery keys `ca/…`, or the CA certificates of the node's system. */
  readonly authorities: readonly string[] | 'system';
  readonly subjectAltNames: readonly { readonly type: 'Hostname' | 'URI'; readonly value: string }[];
}

export interface BackendEntry {
  readonly kind: 'backend';
  readonly cluster: string;
  readonly namespace: string;
  readonly service: string;
  /** Service port. */
  readonly port: number;
  /** From appProtocol; h2c = HTTP/2 with prior knowledge. TCP streams go to any of them but udp. */
  readonly protocol: 'http' | 'h2c' | 'websocket' | 'udp';
  /** Discovery key `endpoints/<cluster>/<namespace>/<service>/<port>[/udp]`. */
  readonly endpoints: string;
  readonly tls?: BackendTls;
  /** Discovery key `tls/…` of the certificate that the gateway shows to the backend; only beside `tls`. */
  readonly clientCertificate?: string;
}

export type Entry = ListenerEntry | HttpRuleEntry | StreamRuleEntry | BackendEntry;

/** Holds one entry as it is stored and sent: canonical JSON text and its SHA-256. */
export interface StoredEntry {
  readonly hash: string;
  readonly json: string;
}
