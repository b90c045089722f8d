// Knows everything in the cluster that Fleetgate provides, as it is now, by a watch of each kind on what carries our
// label.
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import { dataPlaneLabel } from '#libs/gateway/data-plane/data-plane-name.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { toLocalKey } from '#libs/gateway/object-key.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { ApiClient } from '../kubernetes/api-client.ts';
import { type Reflector, startReflector } from '../kubernetes/reflector.ts';
import { isNewer } from '../kubernetes/resource-version.ts';

interface OwnedKind {
  readonly kind: string;
  readonly apiVersion: string;
  readonly group: string;
  readonly plural: string;
}

/** Lists the kinds that data planes are made of, in the order in which they are made. */
export const ownedKinds: readonly OwnedKind[] = [
  { kind: 'ServiceAccount', apiVersion: 'v1', group: '', plural: 'serviceaccounts' },
  { kind: 'Secret', apiVersion: 'v1', group: '', plural: 'secrets' },
  { kind: 'Service', apiVersion: 'v1', group: '', plural: 'services' },
  { kind: 'Deployment', apiVersion: 'apps/v1', group: 'apps', plural: 'deployments' },
  { kind: 'PodDisruptionBudget', apiVersion: 'policy/v1', group: 'policy', plural: 'poddisruptionbudgets' },
];

/** Holds of an object as much as the provisioner needs. */
export interface SeenObject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Of all that is not the API server's or a controller's to say. */
  readonly contentHash: string;
  readonly isLeaving: boolean;
}

/** Knows what Fleetgate provides in one cluster. */
export class OwnedObjects {
  readonly #seen = new Map<string, SeenObject>();
  readonly #reflectors: Reflector[];
  readonly #listed = new Set<string>();
  readonly #onChange: (key: string) => void;

  constructor(options: {
    readonly client: ApiClient;
    readonly onChange: (key: string) => void;
    readonly onListed: () => void;
    /** A watch that does not work, in a sentence; null once it does. */
    readonly onProblem: (kind: string, sentence: string | null) => void;
  }) {
    this.#onChange = options.onChange;
    this.#reflectors = ownedKinds.map(({ kind, apiVersion, plural }) =>
      startReflector({
        client: options.client,
        collection: { path: collectionPath({ apiVersion, plural }), labelSelector: dataPlaneLabel },
        apiVersion,
        kind,
        onChange: (change) => {
          if (change.type === 'applied') this.see(toSeen(change.object));
          else this.#gone(toLocalKey({ ...change, kind }), change.uid);
        },
        onListed: () => {
          this.#listed.add(kind);
          if (this.areListed) options.onListed();
        },
        onMissing: () => options.onProblem(kind, `the cluster has no ${plural}`),
        onProblem: (problem) => options.onProblem(kind, problem === null ? null : `${plural} ${problem.sentence}`),
        onRestart: () => undefined,
      }),
    );
  }

  get areListed(): boolean {
    return this.#listed.size === ownedKinds.length;
  }

  get(key: string): SeenObject | undefined {
    return this.#seen.get(key);
  }

  keys(): Iterable<string> {
    return this.#seen.keys();
  }

  /** Takes in an object as it is now: from the watch, or from the answer to a write, ahead of the watch. */
  see(object: SeenObject): void {
    const key = toLocalKey(object);
    const before = this.#seen.get(key);
    if (before?.uid === object.uid && isNewer(before.resourceVersion, object.resourceVersion)) return;
    this.#seen.set(key, object);
    if (
      before?.contentHash !== object.contentHash ||
      before.uid !== object.uid ||
      before.isLeaving !== object.isLeaving
    )
      this.#onChange(key);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  #gone(key: string, uid: string): void {
    if (this.#seen.get(key)?.uid !== uid) return;
    this.#seen.delete(key);
    this.#onChange(key);
  }
}

/** Gives the path of a collection, of all namespaces where none is given. */
export function collectionPath(
  { apiVersion, plural }: Pick<OwnedKind, 'apiVersion' | 'plural'>,
  namespace?: string,
): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}${namespace === undefined ? '' : `/namespaces/${namespace}`}/${plural}`;
}

/** Takes from an object what the provisioner needs. */
export function toSeen(object: KubeObject): SeenObject {
  const { namespace = '', name, uid, resourceVersion } = object.metadata;
  const { status: _status, metadata, ...content } = object;
  const { labels, annotations, deletionTimestamp } = metadata;
  const ownerReferences = 'ownerReferences' in metadata ? metadata.ownerReferences : undefined;
  return {
    kind: object.kind,
    namespace,
    name,
    uid,
    resourceVersion,
    contentHash: sha256(canonicalJson({ content, labels, annotations: withoutRevision(annotations), ownerReferences })),
    isLeaving: typeof deletionTimestamp === 'string',
  };
}

/** Leaves out where the Deployment's controller counts its revisions. */
function withoutRevision(annotations: unknown): unknown {
  if (!isRecord(annotations)) return {};
  const { 'deployment.kubernetes.io/revision': _revision, ...others } = annotations;
  return others;
}
