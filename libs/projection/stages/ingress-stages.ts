// Wires the stages of Ingresses: their class, the ListenerSets of their hosts with TLS, and their routes.
//
//   IngressClass ─▶ class ─▶ place of ingress ─▶ hosts with TLS ─▶ conversion ─┬─▶ ListenerSet
//        Ingress ──────────────┘                     Services ───────┘         └─▶ routes
import type { KnownObject } from '#libs/fleet/fleet.ts';
import { type Conversion, type Place, v1 } from '#libs/gateway/conversion/conversion.ts';
import { convertIngress, ingressTlsHosts } from '#libs/gateway/conversion/ingress.ts';
import { type IngressClass, namedIngressClass, readIngressClass } from '#libs/gateway/conversion/ingress-class.ts';
import { olderProblems } from '#libs/gateway/conversion/older-shapes.ts';
import { createdAt } from '#libs/gateway/fields/metadata.ts';
import { describeProblem, type Problem } from '#libs/gateway/problem.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Group } from '#libs/derivation/group.ts';
import type { Read, Stage } from '#libs/derivation/stage.ts';
import type { ReferenceStages } from './reference-stages.ts';
import type { RawSources } from './sources.ts';
import { clusterOf, parsePlaceKey, toPlaceKey } from '#libs/gateway/object-key.ts';

/** Describes an IngressClass that is ours. */
export interface ServedIngressClass {
  readonly className: string;
  readonly known: KnownObject;
  readonly gateway: Place;
  /** Whether its Gateway is there only because of it. */
  readonly implied: boolean;
  /** What of it is not read. The kind has no status: its Ingresses hear of it. */
  readonly warnings: readonly string[];
}

/** Says where an Ingress belongs. */
interface IngressPlacement {
  readonly className: string;
  readonly gateway: Place;
  readonly createdAt: string;
  readonly tlsHosts: readonly string[];
  /** What of the Ingress is of the wrong type: then nothing is made of it. */
  readonly problems: readonly Problem[];
  /** Of its class. */
  readonly warnings: readonly string[];
}

export interface IngressStages {
  /** Keys: `cluster//name`. */
  readonly classes: Stage<ServedIngressClass>;
  /** Keys: Ingresses of ours. */
  readonly placements: Stage<IngressPlacement>;
  readonly conversions: Stage<Conversion>;
}

/** No object of a cluster can have such a name. */
export const ingressSetSuffix = '~ingress';

/** Makes the stages that Gateways need. */
export function createIngressClassStage(engine: Derivation, raw: RawSources): Stage<ServedIngressClass> {
  return engine.stage({
    name: 'ingress class',
    each: raw.objects('IngressClass'),
    compute: (key, read): ServedIngressClass | undefined => {
      const known = read.get(raw.objects('IngressClass'), key);
      const found = known && readIngressClass(known.object);
      if (known === undefined || found?.ours !== true) return undefined;
      const facts = [...olderProblems(known.object).map(describeProblem), ...found.warnings];
      const warnings = facts.map((text) => `IngressClass ${found.name}: ${text}`);
      return { className: found.name, known, gateway: found.gateway, implied: found.implied, warnings };
    },
  });
}

/** Makes the stages. */
export function createIngressStages(
  engine: Derivation,
  raw: RawSources,
  references: ReferenceStages,
  classes: Stage<ServedIngressClass>,
): IngressStages {
  const placements = createPlacementStage(engine, raw, classes);
  const owners = engine.group<Place>().feed(placements, (key, placement) => {
    const { cluster, namespace, name } = parsePlaceKey(key);
    const item: Place = { namespace, name: `${name}${ingressSetSuffix}` };
    // The oldest is first, then the one that is first by name.
    const member = `${placement.createdAt} ${namespace}/${name}`;
    return placement.tlsHosts.map((host) => ({ group: `${cluster} ${placement.className} ${host}`, member, item }));
  });
  const conversions = engine.stage({
    name: 'ingress conversion',
    each: placements,
    compute: (key, read): Conversion | undefined => {
      const known = read.get(raw.objects('Ingress'), key);
      const placement = read.get(placements, key);
      if (known === undefined || placement === undefined) return undefined;
      const { cluster, namespace, name } = known;
      const setName = `${name}${ingressSetSuffix}`;
      if (placement.problems.length > 0) return unreadable(known, placement);
      const { objects, warnings } = convertIngress(known.object, {
        gateway: placement.gateway,
        setName,
        ownerOf: (host) =>
          ownerOf(read, owners, `${cluster} ${placement.className} ${host}`) ?? { namespace, name: setName },
        portNumber: (service, portName) =>
          read
            .get(references.services, toPlaceKey({ cluster, namespace, name: service }))
            ?.ports.find((port) => port.name === portName && port.transport === 'tcp')?.port,
      });
      return { objects, warnings: [...placement.warnings, ...warnings] };
    },
  });
  return { classes, placements, conversions };
}

function ownerOf(read: Read, owners: Group<Place>, group: string): Place | undefined {
  return read.list(owners, group)[0];
}

function createPlacementStage(
  engine: Derivation,
  raw: RawSources,
  classes: Stage<ServedIngressClass>,
): Stage<IngressPlacement> {
  const defaults = engine.group<string>().feed(raw.objects('IngressClass'), (key, known) => {
    const found: IngressClass = readIngressClass(known.object);
    const group = clusterOf(key);
    return found.isDefault ? [{ group, member: `${createdAt(known.object)} ${found.name}`, item: found.name }] : [];
  });
  return engine.stage({
    name: 'place of ingress',
    each: raw.objects('Ingress'),
    compute: (key, read): IngressPlacement | undefined => {
      const known = read.get(raw.objects('Ingress'), key);
      if (known === undefined) return undefined;
      // Of several defaults the newest counts, as for the API server.
      const named = namedIngressClass(known.object) ?? read.list(defaults, known.cluster).at(-1);
      const found =
        named === undefined
          ? undefined
          : read.get(classes, toPlaceKey({ cluster: known.cluster, namespace: '', name: named }));
      if (found === undefined) return undefined;
      const problems = olderProblems(known.object);
      const { className, gateway, warnings } = found;
      // What cannot be read must not claim hosts.
      const tlsHosts = problems.length > 0 ? [] : [...ingressTlsHosts(known.object).keys()];
      return { className, gateway, createdAt: createdAt(known.object), tlsHosts, problems, warnings };
    },
  });
}

/** Makes a route that only says where the Ingress belongs. */
function unreadable({ namespace, name }: KnownObject, { gateway }: IngressPlacement): Conversion {
  const spec = { parentRefs: [gateway], rules: [] };
  return { objects: [{ apiVersion: v1, kind: 'HTTPRoute', metadata: { name, namespace }, spec }], warnings: [] };
}

/** Writes the place key of the Gateway of an Ingress. */
export function gatewayOf(cluster: string, { gateway }: Pick<IngressPlacement, 'gateway'>): string {
  return toPlaceKey({ cluster, ...gateway });
}
