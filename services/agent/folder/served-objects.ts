// Holds the objects that a folder serves now, each by the claim that counts, and reports them to the sink.
import { join } from 'node:path';
import { type WatchedKind, kindInfo } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { type Provenance, type SourceSink, objectName } from '../source.ts';
import type { Claim, Claims } from './claims.ts';
import type { FileMark } from './file-tree.ts';
import type { FolderIdentity } from './identity.ts';
import { userName } from './user-name.ts';

interface ServedObject {
  readonly kind: WatchedKind;
  readonly object: KubeObject;
  readonly provenance: Provenance;
}

/** Serves the objects of a folder to a sink. */
export class ServedObjects {
  /** Marks of the files whose state counts. */
  readonly marks = new Map<string, FileMark>();
  readonly #sink: SourceSink;
  readonly #identity: FolderIdentity;
  readonly #claims: Claims;
  readonly #folder: string;
  readonly #served = new Map<string, ServedObject>();
  #wanted: ReadonlySet<string> = new Set();

  constructor(options: {
    readonly sink: SourceSink;
    readonly identity: FolderIdentity;
    readonly claims: Claims;
    readonly folder: string;
  }) {
    this.#sink = options.sink;
    this.#identity = options.identity;
    this.#claims = options.claims;
    this.#folder = options.folder;
  }

  has(key: string): boolean {
    return this.#served.has(key);
  }

  /** Serves the objects of these keys anew; returns the keys that nothing claims any more. */
  async update(keys: Iterable<string>, via: 'watch' | 'relist'): Promise<readonly string[]> {
    const unclaimed: string[] = [];
    for (const key of [...keys].toSorted()) {
      const claim = this.#claims.winner(key, this.#identity.fileOf(key));
      this.#nameDuplicates(key, claim);
      if (claim === null) {
        if (this.#served.has(key)) unclaimed.push(key);
        continue;
      }
      const object = this.#identity.serve(key, claim.manifest, claim.file);
      const served = { kind: claim.manifest.kind, object, provenance: this.#provenanceOf(claim, object) };
      this.#served.set(key, served);
      if (this.#isReported(key, served)) await this.#sink.change({ type: 'applied', ...served, via });
    }
    return unclaimed;
  }

  /** Deletes the objects of those keys that nothing claims even now. */
  async settle(keys: readonly string[]): Promise<void> {
    for (const key of keys) {
      const served = this.#served.get(key);
      if (served === undefined || this.#claims.winner(key, undefined) !== null) continue;
      this.#served.delete(key);
      const forgotten = this.#identity.forget(key);
      if (forgotten !== null && this.#isReported(key, served))
        await this.#withdraw(served, forgotten.resourceVersion, 'watch');
    }
  }

  /** Reports Secrets and ConfigMaps while they are referred to. */
  async reference(wanted: ReadonlySet<string>): Promise<void> {
    const before = this.#wanted;
    this.#wanted = wanted;
    for (const key of before) {
      const served = this.#served.get(key);
      if (served !== undefined && !wanted.has(key)) {
        await this.#withdraw(served, served.object.metadata.resourceVersion, 'relist');
      }
    }
    for (const key of wanted) {
      const served = this.#served.get(key);
      if (served !== undefined && !before.has(key))
        await this.#sink.change({ type: 'applied', ...served, via: 'relist' });
    }
  }

  async #withdraw({ kind, object }: ServedObject, resourceVersion: string, via: 'watch' | 'relist'): Promise<void> {
    const { uid } = object.metadata;
    const deletion = { type: 'deleted', ...objectName(kind, object), uid, resourceVersion, via } as const;
    const by = { actor: { manager: 'folder', operation: 'Delete' }, at: this.#identity.timestamp() };
    await this.#sink.change(via === 'relist' ? deletion : { ...deletion, provenance: by });
  }

  #isReported(key: string, { kind }: ServedObject): boolean {
    return kindInfo(kind)?.watch === 'all' || this.#wanted.has(key);
  }

  #provenanceOf({ file }: Claim, object: KubeObject): Provenance {
    const mark = this.marks.get(file);
    if (mark === undefined) {
      return { actor: { manager: 'folder', operation: 'Update' }, at: object.metadata.creationTimestamp };
    }
    const manager = `folder/${userName(mark.uid)}`;
    return { actor: { manager, operation: 'Update' }, at: new Date(mark.mtimeMs).toISOString() };
  }

  #nameDuplicates(key: string, winner: Claim | null): void {
    const others = winner === null || winner.file === '' ? [] : this.#claims.others(key, winner);
    const sentences = others.map(({ file, manifest }) => {
      const { kind, namespace, name, line } = manifest;
      const full = namespace === '' ? name : `${namespace}/${name}`;
      const where = `${join(this.#folder, winner?.file ?? '')}:${winner?.manifest.line}`;
      return `${join(this.#folder, file)}:${line}: ${kind} ${full} is also in ${where}, which counts`;
    });
    this.#sink.problem(`duplicate ${key}`, sentences.length === 0 ? null : sentences.join('; '));
  }
}
