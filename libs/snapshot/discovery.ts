// Discovery is what must always be current and is therefore in no snapshot: ready endpoints of a Service port, sealed
// TLS material of a Secret, CA certificates. `discovery-key.ts` names the items.
import type { SealedMaterial } from '#libs/events/change-event.ts';

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export type DiscoveryItem =
  | { readonly kind: 'endpoints'; readonly endpoints: readonly Endpoint[] }
  | { readonly kind: 'tls'; readonly fingerprint: string; readonly sealed: SealedMaterial }
  /** CA certificates, PEM; they are public. */
  | { readonly kind: 'ca'; readonly certificates: string };
