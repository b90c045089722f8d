// Reads the ground of a folder of manifests, without a fleet: it is read as the folder source reads it, and folded as
// the projector folds it.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ChangeEvent } from '#libs/events/change-event.ts';
import { controllerName } from '#libs/gateway/kinds.ts';
import { toLocalKey, toPlaceKey } from '#libs/gateway/object-key.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { Projection } from '#libs/projection/projection.ts';
import { Claims, type Claim } from '../../agent/folder/claims.ts';
import { scanFolder } from '../../agent/folder/file-tree.ts';
import { type Manifest, parseManifestFile } from '../../agent/folder/manifest.ts';
import { appliedEvent, readLiveObject, readLiveSecret } from '../../agent/objects/live-object.ts';
import { resolveGateway } from '../names/gateway-name.ts';
import { badConditions, type Ground, type GroundGateway, type GroundRoute } from './ground.ts';
import { readGatewayStatus, readRouteStatus } from './status.ts';

/** Manifests do not say when objects were made: they are of the same age. */
const made = '2000-01-01T00:00:00Z';
const statusesMax = 1_000_000;

/**
 * Reads a folder as one cluster; `wanted` leaves only the gateway whose name ends so. Throws FleetgateError 'folder' or
 * 'not-found'.
 */
export async function readManifestsGround(folder: string, cluster: string, wanted?: string): Promise<Ground> {
  const { claims, keys, problems } = await readFolder(folder);
  const found = keys.flatMap((key) => claims.winner(key, undefined) ?? []);
  const events = await Promise.all(found.map((claim) => toEvent(claim, cluster)));
  const projection = new Projection({ limits: { entriesMax: Infinity, bytesMax: Infinity } });
  const change = projection.apply(
    {
      events: events.filter(({ kind }) => kind !== 'EndpointSlice').map((event, i) => ({ seq: BigInt(i + 1), event })),
      slices: events.filter(({ kind }) => kind === 'EndpointSlice'),
      sealed: [],
    },
    () => {
      throw new Error('there is no rollback here');
    },
  );
  const endpoints = new Map(
    change.discovery.flatMap(({ key, item }) =>
      item?.kind === 'endpoints' ? [[key, item.endpoints.length] as const] : [],
    ),
  );
  const statuses = projection.statuses(cluster, undefined, statusesMax).items;
  const lines = new Map(
    found.map(({ file, manifest }) => [toLocalKey(manifest), `${join(folder, file)}:${manifest.line}`]),
  );
  const specs = new Map(found.map(({ manifest }) => [toLocalKey(manifest), manifest.content['spec']]));
  return {
    about: `the manifests in ${folder}, as cluster ${cluster}`,
    gateways: chosen(
      change.gateways.map(({ gateway }) => gateway),
      wanted,
    ).map((gateway) => toGateway(gateway, projection, change.entries)),
    routes: statuses.flatMap((status): GroundRoute[] => {
      const { kind, namespace, name } = status;
      if (!kind.endsWith('Route')) return [];
      const { hostnames, conditions } = readRouteStatus(
        specs.get(toLocalKey({ kind, namespace, name })),
        status.status,
      );
      return [{ cluster, kind, namespace, name, hostnames, problems: badConditions(conditions) }];
    }),
    problems: [
      ...(change.gateways.length > 0
        ? []
        : [`no Gateway in them is of a GatewayClass with controllerName ${controllerName}`]),
      ...problems,
      ...statuses.flatMap(({ kind, namespace, name, status }) =>
        kind === 'Gateway' ? readGatewayStatus(toPlaceKey({ cluster, namespace, name }), status) : [],
      ),
    ],
    portOffset: 0,
    endpoints: (key) => endpoints.get(key) ?? 0,
    place: (kind, namespace, name) => lines.get(toLocalKey({ kind, namespace, name })),
  };
}

function chosen(gateways: readonly string[], wanted: string | undefined): readonly string[] {
  if (wanted === undefined) return gateways;
  const choice = resolveGateway(wanted, gateways);
  if ('found' in choice) return [choice.found];
  throw fail('not-found', `the manifests have no one gateway called "${wanted}"`, {
    hint: `They have: ${gateways.length === 0 ? 'none of Fleetgate' : gateways.join(', ')}.`,
  });
}

function toGateway(gateway: string, projection: Projection, jsonOf: ReadonlyMap<string, string>): GroundGateway {
  const entries = new Map<string, Entry>();
  for (const [key, hash] of projection.content(gateway)?.entries ?? []) {
    const json = jsonOf.get(hash);
    if (json !== undefined) entries.set(key, parseEntry(json));
  }
  return { gateway, entries };
}

async function readFolder(
  folder: string,
): Promise<{ readonly claims: Claims; readonly keys: readonly string[]; readonly problems: readonly string[] }> {
  const files = await scanFolder(folder);
  if (files === null) throw fail('folder', folder);
  const claims = new Claims();
  const keys = new Set<string>();
  const problems: string[] = [];
  for (const file of [...files.keys()].toSorted()) {
    const path = join(folder, file);
    const parsed = parseManifestFile(await readFile(path, 'utf8'), path);
    problems.push(...parsed.problems);
    for (const key of claims.set(file, parsed.manifests)) keys.add(key);
  }
  return { claims, keys: [...keys].toSorted(), problems };
}

async function toEvent({ manifest }: Claim, cluster: string): Promise<ChangeEvent> {
  const provenance = { actor: null, at: made };
  const change = {
    type: 'applied',
    kind: manifest.kind,
    object: toObject(manifest),
    via: 'relist',
    provenance,
  } as const;
  const live = manifest.kind === 'Secret' ? await readLiveSecret(change, null, undefined) : readLiveObject(change);
  return appliedEvent(live, { name: cluster, uid: cluster }, { at: made, via: 'relist' });
}

function toObject(manifest: Manifest): KubeObject {
  const { apiVersion, kind, namespace, name, labels, annotations, content } = manifest;
  return {
    ...content,
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace === '' ? {} : { namespace }),
      uid: toLocalKey(manifest),
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: made,
      labels,
      annotations,
    },
  };
}

function parseEntry(json: string): Entry {
  return JSON.parse(json);
}
