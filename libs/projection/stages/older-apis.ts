// Brings what older APIs say into the stages of v1, as objects of v1; routes keep the kind that was written.
//
//   raw objects ─┬──────────────────────────────▶ sources of v1 ─▶ stages ─▶ statuses of v1 ─▶ statuses as written
//                └─▶ conversions, selection ─────────┘
import type { KnownObject } from '#libs/fleet/fleet.ts';
import type { ConvertedFields } from '#libs/gateway/conversion/converted-route.ts';
import type { Conversion, Place } from '#libs/gateway/conversion/conversion.ts';
import { olderProblems } from '#libs/gateway/conversion/older-shapes.ts';
import { type RouteSelection, selectRoute, toRoute } from '#libs/gateway/conversion/route-selection.ts';
import { convertBackendPolicy } from '#libs/gateway/conversion/service-apis-backend-policy.ts';
import { convertHttpRoute } from '#libs/gateway/conversion/service-apis-http-route.ts';
import { convertStreamRoute, convertTlsRoute } from '#libs/gateway/conversion/service-apis-stream-route.ts';
import type { WatchedKind } from '#libs/gateway/kinds.ts';
import type { Problem } from '#libs/gateway/problem.ts';
import type { Collection } from '#libs/derivation/collection.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Stage } from '#libs/derivation/stage.ts';
import {
  createIngressClassStage,
  createIngressStages,
  ingressSetSuffix,
  type IngressStages,
} from './ingress-stages.ts';
import { asKnown, createOlderGatewayStages, type OlderGatewayStages } from './older-gateways.ts';
import { labelsOfNamespace, type ReferenceStages } from './reference-stages.ts';
import type { RawSources, Sources } from './sources.ts';

export interface OlderApis {
  readonly sources: Sources;
  readonly ingresses: IngressStages;
  /** Keys: routes of Service APIs, by kind. */
  readonly routes: ReadonlyMap<WatchedKind, Stage<OlderRoute>>;
}

export interface OlderRoute {
  readonly known: KnownObject;
  /** Gateways that select it, which it does not allow. */
  readonly refused: readonly Place[];
  /** What of it is of the wrong type. */
  readonly problems: readonly Problem[];
}

type Converter = (object: KnownObject['object'], selection: RouteSelection) => Conversion;

const converters: readonly (readonly [WatchedKind, Converter])[] = [
  ['HTTPRoute.networking.x-k8s.io', convertHttpRoute],
  ['TLSRoute.networking.x-k8s.io', convertTlsRoute],
  ['TCPRoute.networking.x-k8s.io', convertStreamRoute],
  ['UDPRoute.networking.x-k8s.io', convertStreamRoute],
];

/**
 * What stands between the name of a BackendPolicy and the number of one of its policies: no object has it in its name.
 */
const policySeparator = '~';

/** Makes the stages. */
export function createOlderApis(engine: Derivation, raw: RawSources, references: ReferenceStages): OlderApis {
  const ingressClasses = createIngressClassStage(engine, raw);
  const gateways = createOlderGatewayStages(engine, raw, ingressClasses);
  const ingresses = createIngressStages(engine, raw, references, ingressClasses);
  const routes = new Map(
    converters.map(([kind, convert]) => [kind, createRouteStage(engine, raw, references, gateways, kind, convert)]),
  );
  const views = new Map<WatchedKind, Collection<KnownObject>>([
    ['GatewayClass', gateways.classes],
    ['Gateway', gateways.gateways],
    ['ListenerSet', createSetStage(engine, raw, ingresses)],
    ['BackendTLSPolicy', createPolicyStage(engine, raw)],
    ['Ingress', createIngressView(engine, raw, ingresses)],
  ]);
  for (const [kind, stage] of routes) {
    views.set(
      kind,
      engine.stage({ name: `${kind} in v1`, each: stage, compute: (key, read) => read.get(stage, key)?.known }),
    );
  }
  const sources: Sources = { ...raw, objects: (kind) => views.get(kind) ?? raw.objects(kind) };
  return { sources, ingresses, routes };
}

/** Writes the key of a policy that a BackendPolicy comes to. */
export function convertedPolicyKey(key: string, index: number): string {
  return `${key}${policySeparator}${index}`;
}

function createRouteStage(
  engine: Derivation,
  raw: RawSources,
  references: ReferenceStages,
  gateways: OlderGatewayStages,
  kind: WatchedKind,
  convert: Converter,
): Stage<OlderRoute> {
  return engine.stage({
    name: `${kind} conversion`,
    each: raw.objects(kind),
    compute: (key, read): OlderRoute | undefined => {
      const known = read.get(raw.objects(kind), key);
      if (known === undefined) return undefined;
      const { cluster, object } = known;
      const selection = selectRoute(object, read.list(gateways.selecting, cluster), (namespace) =>
        labelsOfNamespace(references, read, cluster, namespace),
      );
      const conversion = convert(object, selection);
      const problems = routeProblems(object, conversion);
      const parents = [toRoute(object, known.name, { rules: [] }, selection)];
      const { warnings } = conversion;
      const usable = problems.length === 0 ? conversion : { objects: parents, warnings };
      return { known: withConverted(known, usable, problems), refused: selection.refused, problems };
    },
  });
}

function createIngressView(engine: Derivation, raw: RawSources, ingresses: IngressStages): Stage<KnownObject> {
  return engine.stage({
    name: 'ingress in v1',
    each: ingresses.conversions,
    compute: (key, read): KnownObject | undefined => {
      const known = read.get(raw.objects('Ingress'), key);
      const conversion = read.get(ingresses.conversions, key);
      const { tlsHosts = [], problems = [] } = read.get(ingresses.placements, key) ?? {};
      return known && conversion && withConverted(known, conversion, problems, tlsHosts);
    },
  });
}

/** Says what is of the wrong type, or why nothing is left. */
function routeProblems(object: KnownObject['object'], { objects, warnings }: Conversion): readonly Problem[] {
  const problems = olderProblems(object);
  if (problems.length > 0 || objects.length > 0) return problems;
  return [{ path: 'spec.rules', message: ['no rule is left', ...warnings].join('; ') }];
}

/** Puts the routes that an object was converted to into the object itself, where they are read. */
function withConverted(
  known: KnownObject,
  { objects, warnings }: Conversion,
  problems: readonly Problem[],
  ownHosts: readonly string[] = [],
): KnownObject {
  const { apiVersion, kind, metadata } = known.object;
  const converted = objects.filter((one) => one.kind.endsWith('Route'));
  const fields: ConvertedFields = { converted, warnings, problems, ownHosts };
  return { ...known, object: { apiVersion, kind, metadata, ...fields } };
}

function createSetStage(engine: Derivation, raw: RawSources, { conversions }: IngressStages): Stage<KnownObject> {
  const written = raw.objects('ListenerSet');
  const keys = engine
    .group<true>()
    .feed(written, (key) => [{ group: key, member: 'v1', item: true as const }])
    .feed(conversions, (key, { objects }) =>
      objects.some(({ kind }) => kind === 'ListenerSet')
        ? [{ group: `${key}${ingressSetSuffix}`, member: 'ingress', item: true as const }]
        : [],
    );
  return engine.stage({
    name: 'listener set object',
    each: keys,
    compute: (key, read): KnownObject | undefined => {
      if (!key.endsWith(ingressSetSuffix)) return read.get(written, key);
      const ingress = key.slice(0, -ingressSetSuffix.length);
      const known = read.get(raw.objects('Ingress'), ingress);
      const set = read.get(conversions, ingress)?.objects.find(({ kind }) => kind === 'ListenerSet');
      return known && set && asKnown(known, 'ListenerSet', set);
    },
  });
}

function createPolicyStage(engine: Derivation, raw: RawSources): Stage<KnownObject> {
  const objects = engine
    .group<KnownObject>()
    .feed(raw.objects('BackendTLSPolicy'), (key, item) => [{ group: key, member: '', item }])
    .feed(raw.objects('BackendPolicy'), (key, known) =>
      convertBackendPolicy(known.object).objects.map((policy, index) => {
        const name = `${known.name}${policySeparator}${index}`;
        const item = asKnown(known, 'BackendTLSPolicy', { ...policy, metadata: { ...policy.metadata, name } });
        return { group: convertedPolicyKey(key, index), member: '', item };
      }),
    );
  return engine.stage({
    name: 'backend tls policy object',
    each: objects,
    compute: (key, read) => read.list(objects, key)[0],
  });
}
