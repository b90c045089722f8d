// Decides which file says what: several files may claim one object, and one of them counts. Namespaces that are used
// but declared nowhere exist all the same, as they would once somebody had made them.
import { parseLocalKey, toLocalKey } from '#libs/gateway/object-key.ts';
import type { ObjectName } from '../source.ts';
import type { Manifest } from './manifest.ts';

/** Says that a file declares an object so. */
export interface Claim {
  /** Relative path; '' = nobody declares it (an implied Namespace). */
  readonly file: string;
  readonly manifest: Manifest;
}

/** Keeps what every file says. */
export class Claims {
  readonly #files = new Map<string, ReadonlyMap<string, Manifest>>();
  readonly #claims = new Map<string, Map<string, Manifest>>();
  readonly #namespaceUse = new Map<string, number>();

  has(file: string): boolean {
    return this.#files.has(file);
  }

  /** Replaces what a file says; returns the keys of the objects that this may change. */
  set(file: string, manifests: readonly Manifest[]): ReadonlySet<string> {
    const affected = this.#withdraw(file);
    const own = new Map<string, Manifest>();
    for (const manifest of manifests) {
      const key = toLocalKey(manifest);
      if (own.has(key)) continue;
      own.set(key, manifest);
      const claims = this.#claims.get(key) ?? new Map<string, Manifest>();
      this.#claims.set(key, claims.set(file, manifest));
      affected.add(key);
      this.#use(manifest.namespace, 1, affected);
    }
    this.#files.set(file, own);
    return affected;
  }

  remove(file: string): ReadonlySet<string> {
    const affected = this.#withdraw(file);
    this.#files.delete(file);
    return affected;
  }

  /**
   * Gives the claim that counts: the one of the file that had the object before, else of the first path. Null = there
   * is no such object.
   */
  winner(key: string, fileBefore: string | undefined): Claim | null {
    const claims = this.#claims.get(key);
    if (claims !== undefined) {
      const file = fileBefore !== undefined && claims.has(fileBefore) ? fileBefore : [...claims.keys()].toSorted()[0];
      const manifest = file === undefined ? undefined : claims.get(file);
      if (file !== undefined && manifest !== undefined) return { file, manifest };
    }
    const { kind, name } = parseLocalKey(key);
    return kind === 'Namespace' && this.#namespaceUse.has(name) ? { file: '', manifest: impliedNamespace(name) } : null;
  }

  /** Gives the claims of an object beside the one that counts. */
  others(key: string, winner: Claim): readonly Claim[] {
    const claims = [...(this.#claims.get(key) ?? [])].filter(([file]) => file !== winner.file);
    return claims.map(([file, manifest]) => ({ file, manifest }));
  }

  #withdraw(file: string): Set<string> {
    const affected = new Set<string>();
    for (const [key, manifest] of this.#files.get(file) ?? []) {
      const claims = this.#claims.get(key);
      claims?.delete(file);
      if (claims?.size === 0) this.#claims.delete(key);
      affected.add(key);
      this.#use(manifest.namespace, -1, affected);
    }
    return affected;
  }

  #use(namespace: string, change: 1 | -1, affected: Set<string>): void {
    if (namespace === '') return;
    const before = this.#namespaceUse.get(namespace) ?? 0;
    const after = before + change;
    if (after === 0) this.#namespaceUse.delete(namespace);
    else this.#namespaceUse.set(namespace, after);
    if (before === 0 || after === 0) affected.add(toLocalKey(namespaceName(namespace)));
  }
}

function namespaceName(name: string): ObjectName {
  return { kind: 'Namespace', namespace: '', name };
}

function impliedNamespace(name: string): Manifest {
  return {
    ...namespaceName(name),
    apiVersion: 'v1',
    labels: { 'kubernetes.io/metadata.name': name },
    annotations: {},
    content: {},
    line: 0,
  };
}
