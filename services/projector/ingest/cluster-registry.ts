// Knows which cluster a name stands for. The first that uses a name keeps it; its identity is the UID of its
// kube-system namespace.

type ClusterVerdict = 'registered' | 'new' | { readonly refused: string };

/** Names and UIDs, each of them once. */
export class ClusterRegistry {
  readonly #uids: Map<string, string>;
  readonly #names: Map<string, string>;

  constructor(clusters: Iterable<readonly [name: string, uid: string]> = []) {
    this.#uids = new Map(clusters);
    this.#names = new Map([...this.#uids].map(([name, uid]) => [uid, name]));
  }

  get names(): Iterable<string> {
    return this.#uids.keys();
  }

  /** Judges a name with a UID; a refusal says why in a sentence. */
  check(name: string, uid: string): ClusterVerdict {
    const known = this.#uids.get(name);
    if (known === uid) return 'registered';
    if (known !== undefined)
      return { refused: `the name ${name} belongs to the cluster with the UID ${known}, not ${uid}` };
    const other = this.#names.get(uid);
    if (other !== undefined)
      return { refused: `the cluster with the UID ${uid} is registered as ${other}, not ${name}` };
    return 'new';
  }

  add(name: string, uid: string): void {
    this.#uids.set(name, uid);
    this.#names.set(uid, name);
  }
}
