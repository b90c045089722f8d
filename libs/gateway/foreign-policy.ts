// Reads of a policy that another gateway serves what it is attached to, in the forms in which such policies say it:
// targetRef, targetRefs and targetSelectors (GEP-713), Istio's selector of workloads, and Kong's annotations on the
// object itself. What it asks for is not read.
// What of it cannot be read is taken for less of a restriction: a policy named too often costs a look.
import { Cursor } from '#libs/gateway/fields/cursor.ts';
import { type LabelSelector, parseLabelSelector } from '#libs/gateway/fields/label-selector.ts';
import { annotations } from '#libs/gateway/fields/metadata.ts';
import { namespaceName, objectName, sectionName } from '#libs/gateway/fields/names.ts';
import { gatewayGroup } from '#libs/gateway/fields/parent-ref.ts';
import { isRecord, recordsOf } from '#libs/gateway/fields/record.ts';
import { foreignPolicies } from './foreign-kinds.ts';
import { groupOf, kindInfo, kindInfoOf, type WatchedKind } from './kinds.ts';
import type { KubeObject } from './object.ts';
import { toNamespacedKey } from './object-key.ts';

/** An object that a policy names, or a part of it. */
interface NamedTarget {
  readonly kind: WatchedKind;
  /** '' for cluster-scoped kinds. */
  readonly namespace: string;
  readonly name: string;
  readonly sectionName?: string;
}

/** Objects of a namespace that a policy selects by their labels, or a part of each. */
interface SelectedTargets {
  readonly kind: WatchedKind;
  readonly namespace: string;
  readonly selector: LabelSelector;
  readonly sectionName?: string;
}

/** Says what a policy is, and what it is attached to. */
interface ForeignPolicy {
  /** `SecurityPolicy of gateway.envoyproxy.io, shop/auth`. */
  readonly title: string;
  /** Whether it belongs to the Gateway API itself, which Fleetgate follows. */
  readonly isStandard: boolean;
  readonly named: readonly NamedTarget[];
  readonly selected: readonly SelectedTargets[];
}

/** Annotations that attach policies to their object, by name or by `namespace/name`, and the kind of these. */
const attachingAnnotations: ReadonlyMap<string, string> = new Map([
  ['konghq.com/plugins', 'KongPlugin'],
  ['konghq.com/upstream-policy', 'KongUpstreamPolicy'],
]);

type Part = Readonly<Record<string, unknown>>;

/** Labels by which Istio's policies select the pods of a Gateway. */
const gatewayNameLabels = ['gateway.networking.k8s.io/gateway-name', 'istio.io/gateway-name'];

/** Gives the titles of the policies that an object's annotations attach to it: Kong's, which have no targetRefs. */
export function parseAttachingAnnotations(object: KubeObject): readonly string[] {
  const written = annotations(object);
  const { namespace = '' } = object.metadata;
  return [...attachingAnnotations].flatMap(([annotation, kind]) => {
    const names = Object.hasOwn(written, annotation) ? (written[annotation] ?? '').split(',') : [];
    const known = names.map((name) => name.trim()).filter((name) => name !== '');
    return [...new Set(known)].map((name) => {
      const key = name.includes('/') ? name : toNamespacedKey({ namespace, name });
      return `${kind} of configuration.konghq.com, ${key}`;
    });
  });
}

/** Reads a policy, whatever it holds. */
export function parseForeignPolicy(object: KubeObject): ForeignPolicy {
  const { name, namespace = '' } = object.metadata;
  const group = groupOf(object.apiVersion);
  const spec = isRecord(object['spec']) ? object['spec'] : {};
  const refs = [spec['targetRef'], ...listOf(spec['targetRefs'])].filter(isRecord);
  const selectors = recordsOf(spec['targetSelectors']);
  const named = refs.flatMap((ref) => readRef(ref, namespace));
  const isByWorkload = isOfIstio(group) && refs.length === 0 && selectors.length === 0;
  return {
    title: `${object.kind} of ${group}, ${namespace === '' ? name : toNamespacedKey({ namespace, name })}`,
    isStandard: /^gateway\.networking\.(x-)?k8s\.io$/.test(group),
    named: isByWorkload ? workloadTargets(spec, namespace) : named,
    selected: selectors.flatMap((one) => readSelector(one, namespace)),
  };
}

/**
 * Tells whether an object of a kind that has no row is a policy: it is known by name, or attaches to objects of the
 * Gateway API or to Services as policies do (GEP-713). For files, which bring no CRDs.
 */
export function isForeignPolicy({
  group,
  kind,
  spec,
}: {
  readonly group: string;
  readonly kind: string;
  readonly spec: unknown;
}): boolean {
  if (foreignPolicies.get(group)?.some((one) => one.kind === kind) === true) return true;
  if (!isRecord(spec)) return false;
  const refs = [spec['targetRef'], ...recordsOf(spec['targetRefs']), ...recordsOf(spec['targetSelectors'])];
  return refs.some(isPolicyRef);
}

/** References to workloads (of autoscalers, of canaries) have an apiVersion in place of a group. */
function isPolicyRef(ref: unknown): boolean {
  if (!isRecord(ref) || ref['apiVersion'] !== undefined) return false;
  const { group, kind } = ref;
  return group === 'gateway.networking.k8s.io' || ((group === '' || group === 'core') && kind === 'Service');
}

function readRef(ref: Part, ownNamespace: string): readonly NamedTarget[] {
  const kind = readKind(ref);
  const at = new Cursor(ref, '', []);
  const name = at.field('name').text(objectName);
  if (kind === undefined || name === undefined) return [];
  const namespace = placeOf(kind, at.field('namespace').text(namespaceName) ?? ownNamespace);
  return [{ kind, namespace, name, ...readSection(at) }];
}

function readSelector(one: Part, ownNamespace: string): readonly SelectedTargets[] {
  const kind = readKind(one);
  if (kind === undefined) return [];
  const at = new Cursor(one, '', []);
  const namespace = placeOf(kind, ownNamespace);
  return [{ kind, namespace, selector: parseLabelSelector(at), ...readSection(at) }];
}

function placeOf(kind: WatchedKind, namespace: string): string {
  return kindInfo(kind)?.scope === 'Cluster' ? '' : namespace;
}

/** A section that cannot be read is taken for the whole. */
function readSection(at: Cursor): { readonly sectionName?: string } {
  const section = at.field('sectionName').text(sectionName);
  return section === undefined ? {} : { sectionName: section };
}

/** Gives the watched kind that a reference is about; undefined = of one that is not served here. */
function readKind(ref: Part): WatchedKind | undefined {
  return ref['apiVersion'] === undefined ? kindInfoOf(versioned(ref))?.kind : undefined;
}

/** Services and Namespaces are written without a group, or with `core`; for all others the Gateway API's is meant. */
function versioned({ group, kind }: Part): { readonly apiVersion: string; readonly kind: string } {
  const isOfCore = kind === 'Service' || kind === 'Namespace';
  const written = typeof group === 'string' && group !== '' ? group : isOfCore ? 'core' : gatewayGroup;
  return { apiVersion: written === 'core' ? 'v1' : `${written}/v1`, kind: typeof kind === 'string' ? kind : '' };
}

function isOfIstio(group: string): boolean {
  return group.endsWith('.istio.io');
}

/**
 * Reads the target of an Istio policy without references: the Gateway whose pods it selects, or without a selector its
 * whole namespace. Other workloads are those of a mesh.
 */
function workloadTargets(spec: Part, namespace: string): readonly NamedTarget[] {
  const { selector, workloadSelector } = spec;
  const labels = isRecord(selector)
    ? selector['matchLabels']
    : isRecord(workloadSelector)
      ? workloadSelector['labels']
      : {};
  const written = isRecord(labels) ? labels : {};
  if (Object.keys(written).length === 0) return [{ kind: 'Namespace', namespace: '', name: namespace }];
  const names = gatewayNameLabels.flatMap((label) =>
    Object.hasOwn(written, label) ? (new Cursor(written[label], '', []).text(objectName) ?? []) : [],
  );
  return names.slice(0, 1).map((name) => ({ kind: 'Gateway', namespace, name }));
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
