// Finds out which of the watched kinds a cluster serves, and in which version.
import { isRecord } from '#libs/gateway/fields/record.ts';
import { type KindInfo, type WatchedKind, kinds } from '#libs/gateway/kinds.ts';
import { messageOf } from '#libs/runtime/errors.ts';
import type { ApiClient } from './api-client.ts';

/** Names a kind in the version that is watched. */
export interface ServedKind {
  readonly kind: WatchedKind;
  readonly apiVersion: string;
  readonly scope: KindInfo['scope'];
  /** `/apis/<group>/<version>` or `/api/v1`. */
  readonly root: string;
  readonly plural: string;
}

/** Says what was found out, or why nothing was. */
export type Discovery =
  | {
      readonly ok: true;
      readonly served: ReadonlyMap<WatchedKind, ServedKind>;
      readonly emptyGroups: ReadonlySet<string>;
    }
  | { readonly ok: false; readonly status: number; readonly message: string };

/** Asks the cluster which kinds it serves. `emptyGroups` = groups that it does not know at all. */
export async function discoverKinds(client: ApiClient, signal: AbortSignal): Promise<Discovery> {
  const served = new Map<WatchedKind, ServedKind>();
  const emptyGroups = new Set<string>();
  for (const [group, infos] of Map.groupBy<string, (typeof kinds)[number]>(kinds, (info) => info.group)) {
    if (group === '') {
      for (const info of infos) served.set(info.kind, toServed(info, 'v1'));
      continue;
    }
    const versions = await getNames(client, `/apis/${group}`, 'versions', 'version', signal);
    if (!versions.ok) return versions;
    if (versions.names === null) emptyGroups.add(group);
    const wanted = new Set(infos.flatMap((info) => info.versions.filter((version) => versions.names?.has(version))));
    const resources = new Map<string, ReadonlySet<string>>();
    for (const version of wanted) {
      const listed = await getNames(client, `/apis/${group}/${version}`, 'resources', 'name', signal);
      if (!listed.ok) return listed;
      resources.set(version, listed.names ?? new Set());
    }
    for (const info of infos) {
      const best = info.versions.find((version) => resources.get(version)?.has(info.plural));
      if (best !== undefined) served.set(info.kind, toServed(info, best));
    }
  }
  return { ok: true, served, emptyGroups };
}

/** Gives the path of a kind's collection: of all namespaces, or of one. */
export function collectionPath(served: ServedKind, namespace = ''): string {
  const within = namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  return `${served.root}${within}/${served.plural}`;
}

function toServed(info: (typeof kinds)[number], version: string): ServedKind {
  const { kind, group, plural, scope } = info;
  return group === ''
    ? { kind, apiVersion: version, scope, root: `/api/${version}`, plural }
    : { kind, apiVersion: `${group}/${version}`, scope, root: `/apis/${group}/${version}`, plural };
}

async function getNames(
  client: ApiClient,
  path: string,
  list: string,
  field: string,
  signal: AbortSignal,
): Promise<
  | { readonly ok: true; readonly names: ReadonlySet<string> | null }
  | { readonly ok: false; readonly status: number; readonly message: string }
> {
  try {
    const { status, body, message } = await client.call({ path, signal });
    if (status === 404) return { ok: true, names: null };
    const items = isRecord(body) ? body[list] : undefined;
    if (status !== 200 || !Array.isArray(items)) return { ok: false, status, message: `${path}: ${message}` };
    const names = items.map((item: unknown) => (isRecord(item) ? item[field] : undefined));
    return { ok: true, names: new Set(names.filter((name) => typeof name === 'string')) };
  } catch (error) {
    return { ok: false, status: 0, message: `${path}: ${messageOf(error)}` };
  }
}
