// Knows which cluster a name stands for. The first that uses a name keeps it: it is in the keys of the history. A name
// that is shown instead may be given; agents may use either. A cluster's identity is the UID of its kube-system
// namespace.
import type { DeedEvent } from '#libs/events/deed-event.ts';

type ClusterVerdict = 'registered' | 'new' | { readonly refused: string };

/** What is known of a cluster. */
export interface RegisteredCluster {
  readonly uid: string;
  /** The name that is shown in the place of its own; null = its own. */
  readonly shown: string | null;
  /** RFC 3339; null = it is in the fleet. */
  readonly removedAt: string | null;
}

const clusterLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Names and UIDs, each of them once. */
export class ClusterRegistry {
  readonly #clusters: Map<string, RegisteredCluster>;
  /** UID → name. */
  readonly #names: Map<string, string>;
  /** The name that is shown → name. */
  readonly #shown: Map<string, string>;

  constructor(clusters: Iterable<readonly [name: string, cluster: RegisteredCluster]> = []) {
    this.#clusters = new Map(clusters);
    this.#names = new Map([...this.#clusters].map(([name, { uid }]) => [uid, name]));
    this.#shown = new Map([...this.#clusters].flatMap(([name, { shown }]) => (shown === null ? [] : [[shown, name]])));
  }

  get names(): Iterable<string> {
    return this.#clusters.keys();
  }

  /** Gives the name in the history of the cluster that an agent says it is. */
  nameOf(said: string, uid: string): string {
    const name = this.#shown.get(said);
    return name !== undefined && this.#clusters.get(name)?.uid === uid ? name : said;
  }

  /** Gives every name by which an agent may call its cluster. */
  namesOf(name: string): readonly string[] {
    const shown = this.#clusters.get(name)?.shown ?? null;
    return shown === null ? [name] : [name, shown];
  }

  /** Judges a name of the history with a UID; a refusal says why in a sentence. */
  check(name: string, uid: string): ClusterVerdict {
    const known = this.#clusters.get(name);
    if (known !== undefined && known.uid !== uid)
      return { refused: `the name ${name} belongs to the cluster with the UID ${known.uid}, not ${uid}` };
    if (known !== undefined) return known.removedAt === null ? 'registered' : { refused: removedText(name, known) };
    const other = this.#names.get(uid);
    if (other !== undefined)
      return { refused: `the cluster with the UID ${uid} is registered as ${other}, not ${name}` };
    const shown = this.#shown.get(name);
    return shown === undefined ? 'new' : { refused: `the name ${name} is shown for the cluster ${shown}` };
  }

  add(name: string, uid: string): void {
    this.#clusters.set(name, { uid, shown: null, removedAt: null });
    this.#names.set(uid, name);
  }

  /** Says why a deed about a cluster cannot be done; undefined = it can, or is about no cluster. */
  objection({ type, subject, shown }: DeedEvent): string | undefined {
    if (!isClusterDeed(type)) return undefined;
    const known = this.#clusters.get(subject);
    if (known === undefined) return `there is no cluster ${subject}`;
    const isRemoved = known.removedAt !== null;
    if (type === 'cluster-removed') return isRemoved ? `the cluster ${subject} is removed already` : undefined;
    if (type === 'cluster-readmitted') return isRemoved ? undefined : `the cluster ${subject} is not removed`;
    if (shown === undefined || !clusterLabel.test(shown)) return 'the name of a cluster must be a DNS label';
    const owner = this.#clusters.has(shown) ? shown : this.#shown.get(shown);
    return owner === undefined || owner === subject ? undefined : `the name ${shown} stands for another cluster`;
  }

  /** Does what a deed says; gives the cluster as it is then, undefined where the deed is about none. */
  take({ type, subject, shown, at }: DeedEvent): RegisteredCluster | undefined {
    const known = this.#clusters.get(subject);
    if (known === undefined || !isClusterDeed(type)) return undefined;
    const after = changed(known, { type, at, shown: shown === undefined || shown === subject ? null : shown });
    if (known.shown !== null) this.#shown.delete(known.shown);
    if (after.shown !== null) this.#shown.set(after.shown, subject);
    this.#clusters.set(subject, after);
    return after;
  }
}

/** Tells whether a deed is about a cluster. */
export function isClusterDeed(type: string): boolean {
  return type === 'cluster-removed' || type === 'cluster-readmitted' || type === 'cluster-renamed';
}

function changed(
  known: RegisteredCluster,
  { type, at, shown }: { readonly type: string; readonly at: string; readonly shown: string | null },
): RegisteredCluster {
  if (type === 'cluster-renamed') return { ...known, shown };
  return { ...known, removedAt: type === 'cluster-removed' ? new Date(at).toISOString() : null };
}

function removedText(name: string, { removedAt }: RegisteredCluster): string {
  return (
    `the cluster ${name} was removed from the fleet at ${removedAt ?? '?'}: stop its agent, ` +
    `or take the cluster on again with \`fleetgate cluster readmit ${name}\``
  );
}
