// Reads the ground of a folder of manifests, without a fleet: it is read as the folder source reads it, and folded as
// the projector folds it.
import { join } from 'node:path';
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { controllerName, kubernetesKind } from '#libs/gateway/kinds.ts';
import { toLocalKey, toPlaceKey } from '#libs/gateway/object-key.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { routeKind } from '#libs/projection/model/route-kinds.ts';
import { Projection } from '#libs/projection/projection.ts';
import { noLimits, noVersion, readFolderEvents, toBatch } from '../manifests/folder-events.ts';
import { resolveGateway } from '../names/gateway-name.ts';
import { type Ground, type GroundGateway, type GroundRoute } from './ground.ts';
import { conditionTexts, readConditions, readListenersStatus, readRouteHostnames } from './status.ts';

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
  const found = projection.statuses(cluster, undefined, statusesMax).items;
  const statuses = new Map(found.map((status) => [toLocalKey(status), status]));
  const lines = new Map(
    written.map(({ file, manifest }) => [toLocalKey(manifest), `${join(folder, file)}:${manifest.line}`]),
  );
  return {
    about: `the manifests in ${folder}, as cluster ${cluster}`,
    gateways: chosen(
      change.gateways.map(({ gateway }) => gateway),
      wanted,
    ).map((gateway) => toGateway(gateway, projection, change.entries)),
    routes: written.flatMap(({ manifest }): GroundRoute[] => {
      const { kind, namespace, name, content } = manifest;
      if (routeKind(kind) === undefined) return [];
      const problems = conditionTexts(readConditions(statuses.get(toLocalKey(manifest))?.status));
      return [{ cluster, kind, namespace, name, hostnames: readRouteHostnames(content['spec']), problems }];
    }),
    problems: [
      ...(change.gateways.length > 0
        ? []
        : [`no Gateway in them is of a GatewayClass with controllerName ${controllerName}`]),
      ...problems,
      ...[...statuses.values()].flatMap((status) => problemsOf(status, cluster)),
    ],
    portOffset: 0,
    endpoints: (key) => endpoints.get(key) ?? 0,
    place: (kind, namespace, name) => lines.get(toLocalKey({ kind, namespace, name })),
  };
}

/** Says what is wrong with what is no route; routes are told of where they could be for the host. */
function problemsOf({ kind, namespace, name, status }: DesiredStatus, cluster: string): readonly string[] {
  const what = kubernetesKind(kind);
  if (what === 'Gateway' || what === 'ListenerSet')
    return readListenersStatus(what, toPlaceKey({ cluster, namespace, name }), status);
  if (routeKind(kind) !== undefined) return [];
  const place = namespace === '' ? name : `${namespace}/${name}`;
  return conditionTexts(readConditions(status)).map((text) => `${kind} ${place}: ${text}`);
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
