// Gives the objects of a folder what an API server would: uid, generation, creationTimestamp, resourceVersion. It
// keeps them in a journal of JSON lines, so that a change costs one line; what the journal has lost comes from the
// inventory.
import { randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { InventoryItem } from '#libs/events/agent-exchange.ts';
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { kubernetesKind } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import { hashObject } from '#libs/gateway/object-hash.ts';
import type { Manifest } from './manifest.ts';

interface IdentityRecord {
  readonly uid: string;
  readonly generation: number;
  readonly creationTimestamp: string;
  readonly resourceVersion: string;
  /** Of everything but metadata: a change raises the generation. */
  readonly contentHash: string;
  /** Of labels and annotations. */
  readonly metaHash: string;
  /** Where the object was read. */
  readonly file: string;
}

/** A journal is written anew when it has more lines than this. */
const linesMin = 1000;
const linesPerRecordMax = 10;

/** Knows the identity of every object of a folder, and keeps it over restarts. */
export class FolderIdentity {
  readonly clusterUid: string;
  readonly #path: string;
  readonly #now: () => number;
  readonly #records: Map<string, IdentityRecord>;
  #inventory: ReadonlyMap<string, InventoryItem> = new Map();
  #version = 0;
  #lines = 0;
  #journal: number;
  #problem: string | null = null;

  private constructor(path: string, now: () => number, clusterUid: string, records: Map<string, IdentityRecord>) {
    this.#path = path;
    this.#now = now;
    this.clusterUid = clusterUid;
    this.#records = records;
    for (const { resourceVersion } of records.values()) this.#see(resourceVersion);
    this.#journal = this.#rewrite();
  }

  /** Reads the journal, or begins one. Throws FleetgateError 'file'. */
  static open(options: {
    readonly path: string;
    readonly newClusterUid: string;
    /** Milliseconds since 1970. */
    readonly now: () => number;
  }): FolderIdentity {
    try {
      mkdirSync(dirname(options.path), { recursive: true });
      const { clusterUid, records } = readJournal(options.path);
      return new FolderIdentity(options.path, options.now, clusterUid ?? options.newClusterUid, records);
    } catch (error) {
      throw fail('file', `${options.path} (${messageOf(error)})`, { cause: error });
    }
  }

  /** Learns what the history holds, for objects that the journal does not know. */
  learn(inventory: readonly InventoryItem[]): void {
    this.#inventory = new Map(inventory.map((item) => [item.key, item]));
    for (const { resourceVersion } of inventory) this.#see(resourceVersion);
  }

  /** Gives the keys of the objects that were last read in a file. */
  keysOf(file: string): readonly string[] {
    return [...this.#records].filter(([, record]) => record.file === file).map(([key]) => key);
  }

  keys(): readonly string[] {
    return [...this.#records.keys()];
  }

  fileOf(key: string): string | undefined {
    return this.#records.get(key)?.file;
  }

  /** Gives the time in RFC 3339. */
  timestamp(): string {
    return new Date(this.#now()).toISOString();
  }

  /** Gives the object as an API server would serve it. */
  serve(key: string, manifest: Manifest, file: string): KubeObject {
    const hashes = {
      contentHash: sha256(canonicalJson([manifest.apiVersion, manifest.content])),
      metaHash: sha256(canonicalJson([manifest.labels, manifest.annotations])),
    };
    const before = this.#known(key) ?? this.#recall(key, manifest, hashes);
    const record = this.#next(before, hashes, file);
    if (record !== before) {
      this.#records.set(key, record);
      this.#append([key, record]);
    }
    return toObject(manifest, record);
  }

  /** Forgets an object that is gone: what comes back under its name is another one. */
  forget(key: string): { readonly uid: string; readonly resourceVersion: string } | null {
    const record = this.#records.get(key);
    if (record === undefined) return null;
    this.#records.delete(key);
    this.#append([key, null]);
    return { uid: record.uid, resourceVersion: this.#nextVersion() };
  }

  /** Says why the journal lacks something, as on a full disk; null = it is whole. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Writes the journal anew where it lacks something. */
  mend(): void {
    if (this.#problem !== null) this.#renew();
  }

  close(): void {
    this.mend();
    closeSync(this.#journal);
  }

  #next(
    before: IdentityRecord | undefined,
    hashes: Pick<IdentityRecord, 'contentHash' | 'metaHash'>,
    file: string,
  ): IdentityRecord {
    if (before === undefined) {
      const creationTimestamp = new Date(this.#now()).toISOString().replace(/\.\d+Z$/, 'Z');
      const resourceVersion = this.#nextVersion();
      return { uid: randomUUID(), generation: 1, creationTimestamp, resourceVersion, ...hashes, file };
    }
    const isSameContent = before.contentHash === hashes.contentHash;
    if (isSameContent && before.metaHash === hashes.metaHash) {
      return before.file === file ? before : { ...before, file };
    }
    const generation = isSameContent ? before.generation : before.generation + 1;
    return { ...before, ...hashes, generation, resourceVersion: this.#nextVersion(), file };
  }

  /** Gives what the journal holds of an object, unless the history knows it newer: then the journal lost a line. */
  #known(key: string): IdentityRecord | undefined {
    const record = this.#records.get(key);
    const item = this.#inventory.get(key);
    const isBehind = record !== undefined && Number(item?.resourceVersion) > Number(record.resourceVersion);
    return isBehind ? undefined : record;
  }

  /** Recalls an object that the history knows: unchanged if its hash says so, else changed by us. */
  #recall(
    key: string,
    manifest: Manifest,
    hashes: Pick<IdentityRecord, 'contentHash' | 'metaHash'>,
  ): IdentityRecord | undefined {
    const item = this.#inventory.get(key);
    if (item === undefined) return undefined;
    const { uid, generation, creationTimestamp, resourceVersion } = item;
    const same = { uid, generation, creationTimestamp, resourceVersion, ...hashes, file: '' };
    // The history holds only a part of Secrets and ConfigMaps: these count as changed.
    return hashObject(toObject(manifest, same)) === item.hash ? same : { ...same, contentHash: '', metaHash: '' };
  }

  #see(resourceVersion: string): void {
    const version = Number(resourceVersion);
    if (Number.isSafeInteger(version)) this.#version = Math.max(this.#version, version);
  }

  /** Grows, also over a lost journal, because it follows the clock. */
  #nextVersion(): string {
    this.#version = Math.max(this.#version + 1, this.#now() * 1000);
    return String(this.#version);
  }

  #append(line: readonly [string, IdentityRecord | null]): void {
    const data = Buffer.from(`${JSON.stringify(line)}\n`);
    this.#lines += 1;
    if (this.#problem !== null || this.#lines > linesMin + this.#records.size * linesPerRecordMax) this.#renew();
    else this.#try(() => assertWhole(writeSync(this.#journal, data), data.length));
  }

  /** Writes the journal anew, from what is known. */
  #renew(): void {
    this.#try(() => {
      const journal = this.#rewrite();
      closeSync(this.#journal);
      this.#journal = journal;
    });
  }

  /** What the journal could not take is written with the next line that it takes. */
  #try(write: () => void): void {
    try {
      write();
      this.#problem = null;
    } catch (error) {
      this.#problem = `what is known of the folder cannot be kept in ${this.#path}: ${messageOf(error)}`;
    }
  }

  #rewrite(): number {
    const lines = [{ clusterUid: this.clusterUid }, ...this.#records].map((line) => `${JSON.stringify(line)}\n`);
    const temporary = `${this.#path}.new`;
    writeFileSync(temporary, lines.join(''), { mode: 0o600 });
    renameSync(temporary, this.#path);
    this.#lines = lines.length;
    return openSync(this.#path, 'a');
  }
}

/** Throws where a disk took only a part. */
function assertWhole(written: number, length: number): void {
  if (written < length) throw new Error(`no room for more than ${written} of ${length} bytes`);
}

function toObject(manifest: Manifest, record: IdentityRecord): KubeObject {
  const { apiVersion, kind, namespace, name, labels, annotations, content } = manifest;
  const { uid, generation, creationTimestamp, resourceVersion } = record;
  return {
    ...content,
    apiVersion,
    kind: kubernetesKind(kind),
    metadata: {
      name,
      ...(namespace === '' ? {} : { namespace }),
      uid,
      resourceVersion,
      generation,
      creationTimestamp,
      ...(Object.keys(labels).length === 0 ? {} : { labels }),
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
    },
  };
}

function readJournal(path: string): { clusterUid: string | null; records: Map<string, IdentityRecord> } {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  const records = new Map<string, IdentityRecord>();
  let clusterUid: string | null = null;
  for (const line of text.split('\n')) {
    const value = parseLine(line);
    if (isRecord(value) && typeof value['clusterUid'] === 'string') clusterUid = value['clusterUid'];
    if (!Array.isArray(value) || typeof value[0] !== 'string') continue;
    const record: unknown = value[1];
    if (record === null) records.delete(value[0]);
    else if (isIdentityRecord(record)) records.set(value[0], record);
  }
  return { clusterUid, records };
}

/** Null for a line that was not written to its end. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

function isIdentityRecord(value: unknown): value is IdentityRecord {
  if (!isRecord(value) || typeof value['generation'] !== 'number') return false;
  const texts = ['uid', 'creationTimestamp', 'resourceVersion', 'contentHash', 'metaHash', 'file'];
  return texts.every((field) => typeof value[field] === 'string');
}
