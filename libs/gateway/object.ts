// Declares a Kubernetes object as the history holds it: without `status` and `managedFields`, and with everything below
// `metadata` unknown until it is parsed.

/** The part of metadata that Fleetgate reads; other fields are kept as they came. */
export interface ObjectMeta {
  readonly name: string;
  /** Absent or '' for cluster-scoped kinds. */
  readonly namespace?: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly generation?: number;
  /** RFC 3339. */
  readonly creationTimestamp: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
}

/** One object of one cluster. Its body is unknown: only `parse…` functions look into it. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}
