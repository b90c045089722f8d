// Brings Gateways and GatewayClasses of older APIs among those of v1. Where two have one name, the one of v1 stays.
import type { KnownObject } from '#libs/fleet/fleet.ts';
import type { WrittenObject } from '#libs/gateway/conversion/conversion.ts';
import { impliedGateway, impliedNamespace } from '#libs/gateway/conversion/ingress-class.ts';
import { olderProblems } from '#libs/gateway/conversion/older-shapes.ts';
import { type SelectingGateway, toSelectingGateway } from '#libs/gateway/conversion/route-selection.ts';
import { convertGateway, convertGatewayClass } from '#libs/gateway/conversion/service-apis-gateway.ts';
import { controllerName, serviceApisGroup } from '#libs/gateway/kinds.ts';
import type { Collection } from '#libs/derivation/collection.ts';
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Group } from '#libs/derivation/group.ts';
import type { Stage } from '#libs/derivation/stage.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { ServedIngressClass } from './ingress-stages.ts';
import type { RawSources } from './sources.ts';
import { clusterOf, parsePlaceKey, toPlaceKey } from '#libs/gateway/object-key.ts';

export interface OlderGatewayStages {
  /** Keys: `cluster/namespace/name`. */
  readonly gateways: Collection<KnownObject>;
  /** Keys: `cluster//name`; those of older APIs have longer names. */
  readonly classes: Collection<KnownObject>;
  /** Groups: clusters; members are the Gateways of Service APIs that are ours. */
  readonly selecting: Group<SelectingGateway>;
}

/** Makes the stages. `ingressClasses` are ours. */
export function createOlderGatewayStages(
  engine: Derivation,
  raw: RawSources,
  ingressClasses: Stage<ServedIngressClass>,
): OlderGatewayStages {
  const old = raw.objects('Gateway.networking.x-k8s.io');
  const classes = createClassStage(engine, raw, ingressClasses);
  const keys = engine
    .group<true>()
    .feed(raw.objects('Gateway'), (key) => [{ group: key, member: 'v1', item: true as const }])
    .feed(old, (key) => [{ group: key, member: 'v1alpha1', item: true as const }])
    .feed(ingressClasses, (key, { className, implied }) =>
      implied ? [{ group: impliedKey(key, className), member: 'ingress', item: true as const }] : [],
    );
  const gateways = engine.stage({
    name: 'gateway object',
    each: keys,
    compute: (key, read): KnownObject | undefined => {
      const newest = read.get(raw.objects('Gateway'), key);
      if (newest !== undefined) return newest;
      const known = read.get(old, key);
      if (known !== undefined) return toV1(known);
      const ingressClass = read.get(ingressClasses, toPlaceKey({ ...parsePlaceKey(key), namespace: '' }));
      return ingressClass && toImpliedGateway(ingressClass);
    },
  });
  const selectors = engine.stage({
    name: 'selecting gateway',
    each: old,
    compute: (key, read): SelectingGateway | undefined => {
      const known = read.get(old, key);
      if (known === undefined || read.get(raw.objects('Gateway'), key) !== undefined) return undefined;
      const ofClass = read.get(
        classes,
        toPlaceKey({ ...known, namespace: '', name: String(classNameOf(known.object)) }),
      );
      const isOurs = isRecord(ofClass?.object['spec']) && ofClass.object['spec']['controllerName'] === controllerName;
      return isOurs ? toSelectingGateway(known.object) : undefined;
    },
  });
  const selecting = engine
    .group<SelectingGateway>()
    .feed(selectors, (key, item) => [{ group: clusterOf(key), member: key, item }]);
  return { gateways, classes, selecting };
}

/** Writes the name that a class of Service APIs has among those of v1: both may have one of the same name. */
export function olderClassName(name: string): string {
  return `${name}.${serviceApisGroup}`;
}

/** Describes a known object as one of v1: who it is stays, what it says is converted. */
export function asKnown(known: KnownObject, kind: string, written: WrittenObject): KnownObject {
  const { name, namespace = '' } = written.metadata;
  const metadata = { ...known.object.metadata, ...written.metadata };
  const problems = olderProblems(known.object);
  return { ...known, kind, namespace, name, problems, object: { ...written, metadata } };
}

function createClassStage(
  engine: Derivation,
  raw: RawSources,
  ingressClasses: Stage<ServedIngressClass>,
): Stage<KnownObject> {
  const old = raw.objects('GatewayClass.networking.x-k8s.io');
  const objects = engine
    .group<KnownObject>()
    .feed(raw.objects('GatewayClass'), (key, item) => [{ group: key, member: '1', item }])
    .feed(old, (key, known) => {
      const name = olderClassName(known.name);
      const [converted] = convertGatewayClass(known.object).objects;
      if (converted === undefined) return [];
      const item = asKnown(known, 'GatewayClass', { ...converted, metadata: { ...converted.metadata, name } });
      return [{ group: toPlaceKey({ ...parsePlaceKey(key), name }), member: '2', item }];
    })
    .feed(ingressClasses, (key, { known, className, implied }) => {
      if (!implied) return [];
      const name = ingressGatewayClass(className);
      const item = asKnown(known, 'GatewayClass', {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'GatewayClass',
        metadata: { name },
        spec: { controllerName },
      });
      return [{ group: toPlaceKey({ ...parsePlaceKey(key), name }), member: '3', item }];
    });
  return engine.stage({
    name: 'gateway class object',
    each: objects,
    compute: (key, read) => read.list(objects, key)[0],
  });
}

function toV1(known: KnownObject): KnownObject | undefined {
  const [converted] = convertGateway(known.object).objects;
  if (converted === undefined) return undefined;
  const spec = isRecord(converted['spec']) ? converted['spec'] : {};
  return asKnown(known, 'Gateway', { ...converted, spec: { ...spec, gatewayClassName: classNameOf(known.object) } });
}

function classNameOf(object: WrittenObject): unknown {
  const name = isRecord(object['spec']) ? object['spec']['gatewayClassName'] : undefined;
  return typeof name === 'string' ? olderClassName(name) : name;
}

function toImpliedGateway({ known, className, implied }: ServedIngressClass): KnownObject | undefined {
  if (!implied) return undefined;
  return asKnown(known, 'Gateway', impliedGateway(className, ingressGatewayClass(className)));
}

function ingressGatewayClass(className: string): string {
  return `${className}.ingress.networking.k8s.io`;
}

function impliedKey(key: string, className: string): string {
  return toPlaceKey({ cluster: clusterOf(key), namespace: impliedNamespace, name: className });
}
