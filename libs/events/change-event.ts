// A change event says what one agent saw: an object was applied or deleted, by whom and when. This is version 1.
import type { WatchedKind } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';

/**
 * TLS key material, sealed to the fleet's node key (HPKE base mode, RFC 9180). Base64 fields. Only nodes can open it.
 * `others`: the same material, sealed to the keys of provided data planes; whoever does not know the field has the
 * fleet's.
 */
export interface SealedMaterial extends SealedText {
  readonly others?: readonly SealedText[];
}

/** Material sealed to one key. */
export interface SealedText {
  /** First 16 hex digits of the SHA-256 of the public key that it is sealed to. */
  readonly keyId: string;
  readonly enc: string;
  readonly ciphertext: string;
}

/**
 * Who made the change, from managedFields: the newest entry that is not a status write; null where the object does not
 * say.
 */
export interface Actor {
  readonly manager: string;
  readonly operation: string;
}

export interface ChangeEvent {
  readonly v: 1;
  readonly type: 'applied' | 'deleted';
  /** The cluster's name in the fleet: a DNS label. */
  readonly cluster: string;
  /** UID of the cluster's kube-system namespace (of the folder's state, for a folder). */
  readonly clusterUid: string;
  readonly kind: WatchedKind;
  /** '' for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly actor: Actor | null;
  /** RFC 3339: when the object was changed, as the cluster says. */
  readonly at: string;
  /** RFC 3339: when the agent saw it. */
  readonly seenAt: string;
  /** How the agent learned of it; `relist` = found after an absence. */
  readonly via: 'watch' | 'relist';
  /**
   * SHA-256 of the canonical JSON of `object` without metadata.resourceVersion; '' when deleted. Equal hash = nothing
   * changed.
   */
  readonly hash: string;
  /** The object, stripped; null when deleted. Secrets: see SecretSummary. GatewayClasses: with ServedApi. */
  readonly object: KubeObject | null;
  /** Why it was changed, as its annotations say: noted by the projector, who knows the object before. */
  readonly reason?: string;
  /** The ticket that asked for it, in the same way. */
  readonly ticket?: string;
  /** Secrets with TLS material only. Never stored in the history. */
  readonly sealed?: SealedMaterial;
}

/** What the history holds of a Secret, in the field `summary` of its object instead of `data`. */
export interface SecretSummary {
  readonly type: string;
  /** Present where the Secret holds a usable certificate and key. */
  readonly certificate?: {
    /** SHA-256 over certificate chain and key: changes when either does. */
    readonly fingerprint: string;
    readonly dnsNames: readonly string[];
    readonly notAfter: string;
    /**
     * SealedMaterial.keyId of the material beside the event, so that another fleet key is a change; absent = not
     * sealed.
     */
    readonly keyId?: string;
    /** The same of SealedMaterial.others. */
    readonly otherKeyIds?: readonly string[];
  };
  /** Present where a CA bundle (ca.crt) is held; it is public. */
  readonly caCertificates?: string;
  /** Why the material cannot be used: a sentence without any secret bytes. */
  readonly problem?: string;
}
