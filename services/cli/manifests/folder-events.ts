// Reads a folder of manifests as events of one cluster: as the folder source reads it, without a fleet.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { kubernetesKind } from '#libs/gateway/kinds.ts';
import { toLocalKey } from '#libs/gateway/object-key.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { ContentOf } from '#libs/projection/versions/gateway-head.ts';
import type { Limits } from '#libs/projection/versions/limits.ts';
import type { Batch } from '#libs/projection/versions/projection-change.ts';
import { fail } from '#libs/runtime/errors.ts';
import { Claims, type Claim } from '../../agent/folder/claims.ts';
import { scanFolder } from '../../agent/folder/file-tree.ts';
import { type Manifest, parseManifestFile } from '../../agent/folder/manifest.ts';
import { appliedEvent, readLiveObject, readLiveSecret } from '../../agent/objects/live-object.ts';
import { unknownFields } from './strict-fields.ts';

/** A manifest, its file in the folder, and the event that brings it. */
export interface WrittenEvent extends Claim {
  readonly event: ChangeEvent;
}

/** The limits of a projection that holds nothing back. */
export const noLimits: Partial<Limits> = { entriesMax: Infinity, bytesMax: Infinity, removedShareMax: 1 };

/** Throws: manifests have no earlier versions. */
export const noVersion: ContentOf = () => {
  throw new Error('there is no rollback here');
};

/** Of objects of which nobody says when they were made: they are of the same age. */
const made = '2000-01-01T00:00:00Z';

interface FolderEvents {
  readonly written: readonly WrittenEvent[];
  /** What cannot be read, `file:line: message`. */
  readonly problems: readonly string[];
  /** Fields that no schema has, `file:line: message`. */
  readonly unknown: readonly string[];
}

/**
 * Reads every object, ordered by key, and what is wrong with the files. `createdAt` knows the ages of objects, by local
 * keys; of others the manifests say it, or nobody. Throws FleetgateError 'folder'.
 */
export async function readFolderEvents(
  folder: string,
  cluster: string,
  createdAt: ReadonlyMap<string, string> = new Map(),
): Promise<FolderEvents> {
  const files = await scanFolder(folder);
  if (files === null) throw fail('folder', folder);
  const claims = new Claims();
  const keys = new Set<string>();
  const problems: string[] = [];
  const unknown: string[] = [];
  for (const file of [...files.keys()].toSorted()) {
    const path = join(folder, file);
    const text = await readFile(path, 'utf8');
    const parsed = parseManifestFile(text, path);
    problems.push(...parsed.problems);
    unknown.push(...unknownFields(text).map(({ line, message }) => `${path}:${line}: ${message}`));
    for (const key of claims.set(file, parsed.manifests)) keys.add(key);
  }
  const found = [...keys].toSorted().flatMap((key) => claims.winner(key, undefined) ?? []);
  const written = found.map(async (claim) => {
    const age = createdAt.get(toLocalKey(claim.manifest)) ?? claim.manifest.createdAt ?? made;
    return { ...claim, event: await toEvent(claim, cluster, age) };
  });
  return { written: await Promise.all(written), problems, unknown };
}

/** Makes one batch of events; their numbers begin with `first`. */
export function toBatch(written: readonly WrittenEvent[], first = 1): Batch {
  const events = written.map(({ event }) => event);
  return {
    events: events
      .filter(({ kind }) => kind !== 'EndpointSlice')
      .map((event, i) => ({ seq: BigInt(first + i), event })),
    slices: events.filter(({ kind }) => kind === 'EndpointSlice'),
    sealed: [],
  };
}

async function toEvent({ manifest }: Claim, cluster: string, createdAt: string): Promise<ChangeEvent> {
  const provenance = { actor: null, at: made };
  const change = {
    type: 'applied',
    kind: manifest.kind,
    object: toObject(manifest, createdAt),
    via: 'relist',
    provenance,
  } as const;
  const live = manifest.kind === 'Secret' ? await readLiveSecret(change, null, undefined) : readLiveObject(change);
  return appliedEvent(live, { name: cluster, uid: cluster }, { at: made, via: 'relist' });
}

function toObject(manifest: Manifest, createdAt: string): KubeObject {
  const { apiVersion, kind, namespace, name, labels, annotations, content } = manifest;
  return {
    ...content,
    apiVersion,
    kind: kubernetesKind(kind),
    metadata: {
      name,
      ...(namespace === '' ? {} : { namespace }),
      uid: toLocalKey(manifest),
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: createdAt,
      labels,
      annotations,
    },
  };
}
