// TLS material on its way to the nodes: ciphertext here.
import type { SealedMaterial } from '#libs/events/change-event.ts';

/** TLS material of one Secret; key = `tls/<cluster>/<namespace>/<name>`. */
export interface SealedItem {
  readonly key: string;
  readonly cluster: string;
  readonly fingerprint: string;
  readonly sealed: SealedMaterial;
}
