// Reads the ground of a folder of manifests, without a fleet: it is read as the folder source reads it, and folded as
// the projector folds it.
import { join } from 'node:path';
import { controllerName } from '#libs/gateway/kinds.ts';
import { toLocalKey, toPlaceKey } from '#libs/gateway/object-key.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { Projection } from '#libs/projection/projection.ts';
import { noLimits, noVersion, readFolderEvents, toBatch } from '../manifests/folder-events.ts';
import { resolveGateway } from '../names/gateway-name.ts';
import { badConditions, type Ground, type GroundGateway, type GroundRoute } from './ground.ts';
import { readGatewayStatus, readRouteStatus } from './status.ts';

const statusesMax = 1_000_000;

/**
 * Reads a folder as one cluster; `wanted` leaves only the gateway whose name ends so. Throws FleetgateError 'folder' or
 * 'not-found'.
 */
export async function readManifestsGround(folder: string, cluster: string, wanted?: string): Promise<Ground> {
  const { written, problems } = await readFolderEvents(folder, cluster);
  const projection = new Projection({ limits: noLimits });
  const change = projection.apply(toBatch(written), noVersion);
  const endpoints = new Map(
    change.discovery.flatMap(({ key, item }) =>
      item?.kind === 'endpoints' ? [[key, item.endpoints.length] as const] : [],
    ),
  );
  const statuses = projection.statuses(cluster, undefined, statusesMax).items;
  const lines = new Map(
    written.map(({ file, manifest }) => [toLocalKey(manifest), `${join(folder, file)}:${manifest.line}`]),
  );
  const specs = new Map(written.map(({ manifest }) => [toLocalKey(manifest), manifest.content['spec']]));
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

function parseEntry(json: string): Entry {
  return JSON.parse(json);
}
