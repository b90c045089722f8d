// Strips an object to what enters the history: everything but status (of our own Services the addresses are kept),
// managedFields, and the copies of the spec that tools keep in annotations.
import { parameterKeys, parameterLengthMax } from '#libs/gateway/data-plane/data-plane-parameters.ts';
import { managedBy, managedByLabel } from '#libs/gateway/data-plane/data-plane-service.ts';
import { reasonsAmong } from '#libs/gateway/change-reason.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { KubeObject, ObjectMeta } from '#libs/gateway/object.ts';

const copiedSpec = 'kubectl.kubernetes.io/last-applied-configuration';

/** Names the metadata that an API server sends beside ours. */
export interface ServedMeta extends ObjectMeta {
  readonly managedFields?: unknown;
  readonly selfLink?: unknown;
}

/** Strips an object of what changes on its own or says nothing new. */
export function stripObject(object: KubeObject): KubeObject {
  const { status, metadata, ...rest } = object;
  const stripped = { ...rest, metadata: stripMeta(metadata) };
  // The address of a Gateway comes from a load balancer, by the Service of its data plane.
  const isDataPlane = object.kind === 'Service' && metadata.labels?.[managedByLabel] === managedBy;
  if (!isDataPlane || !isRecord(status) || status['loadBalancer'] === undefined) return stripped;
  return { ...stripped, status: { loadBalancer: status['loadBalancer'] } };
}

const bundleBytesMax = 512 * 1024;

/**
 * Keeps of a ConfigMap what others refer to: CA certificates, or parameters of a data plane. What is too long for the
 * history is named instead.
 */
export function stripConfigMap(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, data } = object;
  const limits = [
    ['ca.crt', bundleBytesMax] as const,
    ...parameterKeys.map((key) => [key, parameterLengthMax] as const),
  ];
  const kept: Record<string, string> = {};
  const problems: string[] = [];
  for (const [key, max] of limits) {
    const value = isRecord(data) && Object.hasOwn(data, key) ? data[key] : undefined;
    if (typeof value !== 'string') continue;
    if (Buffer.byteLength(value) > max) problems.push(`${key} is longer than ${max} bytes`);
    else kept[key] = value;
  }
  const [problem] = problems;
  const rest = problem === undefined ? {} : { problem };
  return { apiVersion, kind, metadata: stripMeta(metadata), data: kept, ...rest };
}

/** Keeps of a ClusterTrustBundle whom it trusts. What is too long for the history is named instead. */
export function stripTrustBundle(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, spec } = object;
  const bundle = isRecord(spec) ? spec['trustBundle'] : undefined;
  const base = { apiVersion, kind, metadata: stripMeta(metadata) };
  if (typeof bundle !== 'string' || Buffer.byteLength(bundle) <= bundleBytesMax) return { ...base, spec };
  return { ...base, problem: `spec.trustBundle is longer than ${bundleBytesMax} bytes` };
}

/**
 * Strips a Secret of all its data, and of its annotations, where deploy tools keep copies of the data; those that say
 * why it was changed stay.
 */
export function stripSecret(object: KubeObject): KubeObject {
  const { annotations, ...metadata } = stripMeta(object.metadata);
  const reasons = reasonsAmong(annotations);
  const kept = Object.keys(reasons).length === 0 ? metadata : { ...metadata, annotations: reasons };
  return { apiVersion: object.apiVersion, kind: object.kind, metadata: kept };
}

function stripMeta(metadata: ServedMeta): ObjectMeta {
  const { managedFields: _managedFields, selfLink: _selfLink, annotations, ...rest } = metadata;
  if (!isRecord(annotations)) return rest;
  const { [copiedSpec]: _copy, ...others } = annotations;
  return Object.keys(others).length === 0 ? rest : { ...rest, annotations: others };
}
