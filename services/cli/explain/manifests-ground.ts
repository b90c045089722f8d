// Reads the ground of a folder of manifests, without a fleet: it is read as the folder source reads it, and folded as
// the projector folds it.
import { join } from 'node:path';
import type { DesiredStatus } from '#libs/events/agent-exchange.ts';
import { controllerName, kubernetesKind } from '#libs/gateway/kinds.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import { toLocalKey, toNamespacedKey, toPlaceKey } from '#libs/gateway/object-key.ts';
import { fail } from '#libs/runtime/errors.ts';
import type { Entry } from '#libs/snapshot/entry.ts';
import { routeKind } from '#libs/projection/model/route-kinds.ts';
import { Projection } from '#libs/projection/projection.ts';
import type { Batch, ProjectionChange } from '#libs/projection/versions/projection-change.ts';
import { assumeSecrets, type AssumedSecret } from '../manifests/assumed-secrets.ts';
import { noLimits, noVersion, readFolderEvents, toBatch, type WrittenEvent } from '../manifests/folder-events.ts';
import { resolveGateway } from '../names/gateway-name.ts';
import type { Ground, GroundGateway, GroundRoute } from './ground.ts';
import { conditionTexts, readConditions, readListenersStatus, readRouteHostnames } from './status.ts';
import { whyUntaken } from './untaken-route.ts';

const statusesMax = 1_000_000;
const unserved = 'it has no rule, or none of the listeners that it is attached to is served';

interface ManifestsOptions {
  /** Only the gateway whose name ends so. */
  readonly gateway?: string | undefined;
  /** Ages that a fleet knows, by local keys. */
  readonly createdAt?: ReadonlyMap<string, string>;
  /** Assume nothing. */
  readonly strict?: boolean;
}

/** Reads a folder as one cluster. Throws FleetgateError 'folder', 'not-found', or 'config' where strict. */
export async function readManifestsGround(
  folder: string,
  cluster: string,
  { gateway: wanted, createdAt = new Map(), strict = false }: ManifestsOptions = {},
): Promise<Ground> {
  const { written, problems, unknown } = await readFolderEvents(folder, cluster, createdAt);
  const folded = foldFolder(written, cluster);
  const { projection, change, statuses, secrets } = folded;
  if (strict && secrets.length > 0) {
    throw fail('config', `Secrets that are named are not in ${folder}: ${secrets.map(toNamespacedKey).join(', ')}`, {
      hint: 'Without --strict they are taken for what they should be.',
    });
  }
  const endpoints = new Map(
    change.discovery.flatMap(({ key, item }) =>
      item?.kind === 'endpoints' ? [[key, item.endpoints.length] as const] : [],
    ),
  );
  const places = new Map(written.map((one) => [toLocalKey(one.manifest), one]));
  const aged = (key: string): boolean => createdAt.has(key) || places.get(key)?.manifest.createdAt !== undefined;
  return {
    about: `the manifests in ${folder}, as cluster ${cluster}`,
    gateways: chosen(
      change.gateways.map(({ gateway }) => gateway),
      wanted,
    ).map((gateway) => toGateway(gateway, projection, change.entries)),
    routes: toRoutes(written, folded, cluster),
    problems: [
      ...(change.gateways.length > 0
        ? []
        : [`no Gateway in them is of a GatewayClass with controllerName ${controllerName}`]),
      ...[...statuses.values()].flatMap((status) => problemsOf(status, cluster)),
    ],
    refused: [...problems, ...unknown],
    assumed: secrets.map(
      (secret) => `Secret ${toNamespacedKey(secret)} is not in the folder: taken for one with a certificate and key`,
    ),
    isAgeKnown: (route) => aged(toLocalKey(route)),
    portOffset: 0,
    endpoints: (key) => endpoints.get(key) ?? 0,
    place: (kind, namespace, name) => {
      const found = places.get(toLocalKey({ kind, namespace, name }));
      return found && `${join(folder, found.file)}:${found.manifest.line}`;
    },
  };
}

interface FoldedFolder {
  readonly projection: Projection;
  readonly change: ProjectionChange;
  /** By local keys. */
  readonly statuses: ReadonlyMap<string, DesiredStatus>;
  /** Those that were assumed. */
  readonly secrets: readonly AssumedSecret[];
}

/** Folds a folder, and once more with the Secrets that it lacks: those that objects with a status, ours, refer to. */
function foldFolder(written: readonly WrittenEvent[], cluster: string): FoldedFolder {
  const bare = fold(toBatch(written), cluster);
  const secrets = assumeSecrets(written, cluster, (key) => bare.statuses.has(key));
  if (secrets.length === 0) return { ...bare, secrets };
  const batch = toBatch(written);
  const more = secrets.map(({ event }, index) => ({ seq: BigInt(written.length + 1 + index), event }));
  return { ...fold({ ...batch, events: [...batch.events, ...more] }, cluster), secrets };
}

function fold(batch: Batch, cluster: string): Omit<FoldedFolder, 'secrets'> {
  const projection = new Projection({ limits: noLimits });
  const change = projection.apply(batch, noVersion);
  const found = projection.statuses(cluster, undefined, statusesMax).items;
  return { projection, change, statuses: new Map(found.map((status) => [toLocalKey(status), status])) };
}

function toRoutes(
  written: readonly WrittenEvent[],
  { statuses, change }: FoldedFolder,
  cluster: string,
): readonly GroundRoute[] {
  const served = new Set(
    [...change.entries.values()].map(parseEntry).flatMap((entry) => ('route' in entry ? toLocalKey(entry.route) : [])),
  );
  const byKind = Map.groupBy(written, ({ manifest }) => manifest.kind);
  const objectsOf = (kind: string): readonly KubeObject[] =>
    [...byKind].flatMap(([one, list]) => (one === kind ? list.flatMap(({ event }) => event.object ?? []) : []));
  return written.flatMap(({ manifest, event }): GroundRoute[] => {
    const { kind, namespace, name, content } = manifest;
    if (routeKind(kind) === undefined) return [];
    const status = statuses.get(toLocalKey(manifest));
    const conditions = readConditions(status?.status);
    const route = { cluster, kind, namespace, name, hostnames: readRouteHostnames(content['spec']) };
    if (conditions.length === 0 && event.object !== null)
      return [{ ...route, taken: false, problems: [whyUntaken(kind, event.object, objectsOf)] }];
    const problems = conditionTexts(conditions);
    const isLeft = problems.length === 0 && !served.has(toLocalKey(manifest));
    return [{ ...route, taken: true, problems: isLeft ? [unserved, ...problems] : problems }];
  });
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
