// Holds TLS material on its way to the nodes: here it is ciphertext.
import type { SealedMaterial } from '#libs/events/change-event.ts';

/** Holds the TLS material of one Secret; key = `tls/<cluster>/<namespace>/<name>`. */
export interface SealedItem {
  readonly key: string;
  readonly cluster: string;
  readonly fingerprint: string;
  readonly sealed: SealedMaterial;
}
