// Declares what agent and projector say to each other beside the log, by NATS request and publish, as JSON.

/** Request on inventorySubject and statusesSubject; answered in pages, ordered by key. */
export interface PageRequest {
  readonly clusterUid: string;
  /** Key of the last item already received. */
  readonly after?: string;
}

/**
 * One object that the history holds: `kind/namespace/name`, uid, content hash (ChangeEvent.hash), and what a folder
 * needs to go on with.
 */
export interface InventoryItem {
  readonly key: string;
  readonly uid: string;
  readonly hash: string;
  readonly resourceVersion: string;
  readonly generation: number;
  readonly creationTimestamp: string;
}

export interface InventoryPage {
  readonly items: readonly InventoryItem[];
  /** Present when there is more. */
  readonly next?: string;
  /** Identity of the stream that the history goes on from; absent = not known yet. */
  readonly stream?: string;
  /** Present instead of items when the projector refuses this cluster (its name belongs to another UID). */
  readonly refused?: string;
}

/**
 * Published on resyncSubject. What an agent published into another stream than this one may be lost: it compares again,
 * unless it compared since the projector named this one. Absent = compare in any case.
 */
export interface Resync {
  readonly stream?: string;
}

export interface DesiredCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

/**
 * Parents (routes) and ancestors (policies) carry only our own entries; the agent leaves others' alone and adds
 * lastTransitionTime.
 */
export interface DesiredStatus {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /**
   * Route: { parents }, policy: { ancestors }, Gateway: { addresses, conditions, listeners }, GatewayClass: {
   * conditions, supportedFeatures }.
   */
  readonly status: Readonly<Record<string, unknown>>;
  /** Gateways only: the data plane that the agent provides where it may; absent = none. */
  readonly dataPlane?: DesiredDataPlane;
}

/**
 * The data plane of one Gateway, or of the Gateways that share one: what the agent makes a Deployment, Service and
 * ServiceAccount from.
 */
export interface DesiredDataPlane {
  /**
   * Of the accepted listeners and of the version that is served, ordered by port and protocol, each once. None: what
   * there is stays, and nothing is made.
   */
  readonly ports: readonly { readonly port: number; readonly protocol: 'TCP' | 'UDP' }[];
  /** spec.infrastructure of the Gateway. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** IP addresses that the Gateway asks for. */
  readonly addresses: readonly string[];
  /** Further addresses in the cluster that it asks for, '' = any; absent = none. Each is a Service of its own. */
  readonly clusterAddresses?: readonly string[];
  /** From the parametersRefs of the Gateway and its class, the Gateway's first. */
  readonly parameters: DataPlaneParameters;
}

/** Settings of a data plane: fields of the ConfigMap behind a parametersRef. */
export interface DataPlaneParameters {
  /** Default 1. Absent where something else (an autoscaler) decides: `replicas: auto`. */
  readonly replicas: number | 'auto';
  readonly serviceType: 'LoadBalancer' | 'ClusterIP' | 'NodePort';
  readonly image?: string;
  readonly cpu?: string;
  readonly memory?: string;
  /** class: one data plane, in the agent's namespace, serves all Gateways of the class. */
  readonly merge: 'none' | 'class';
}

export interface StatusPage {
  readonly items: readonly DesiredStatus[];
  readonly next?: string;
}

/** Published every 10 s on heartbeatSubject. */
export interface Heartbeat {
  readonly cluster: string;
  readonly clusterUid: string;
  readonly version: string;
  readonly source: 'kubernetes' | 'folder';
  /**
   * Whether every watched kind has been listed once and is being watched, and what the history lacked is stored in the
   * log.
   */
  readonly synced: boolean;
  readonly objects: number;
  /** Sentences for people: manifest errors with file and line, missing CRDs, watch errors. */
  readonly problems: readonly string[];
}
