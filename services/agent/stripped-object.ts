// What of an object enters the history: everything but status, managedFields and the copies of the spec that tools keep in annotations.
import { canonicalJson, sha256 } from '#libs/gateway/canonical.ts';
import type { KubeObject, ObjectMeta } from '#libs/gateway/object.ts';

const copiedSpec = 'kubectl.kubernetes.io/last-applied-configuration';

/** Metadata as an API server sends it. */
export interface ServedMeta extends ObjectMeta {
  readonly managedFields?: unknown;
  readonly selfLink?: unknown;
}

/** The object without what changes on its own or says nothing new. */
export function stripObject(object: KubeObject): KubeObject {
  const { status: _status, metadata, ...rest } = object;
  return { ...rest, metadata: stripMeta(metadata) };
}

/** ChangeEvent.hash of a stripped object. */
export function hashObject(object: KubeObject): string {
  const { resourceVersion: _resourceVersion, ...metadata } = object.metadata;
  return sha256(canonicalJson({ ...object, metadata }));
}

/** A ConfigMap's part that Gateways refer to. */
export function stripConfigMap(object: KubeObject): KubeObject {
  const { apiVersion, kind, metadata, data } = object;
  const bundle = isRecord(data) && typeof data['ca.crt'] === 'string' ? { 'ca.crt': data['ca.crt'] } : {};
  return { apiVersion, kind, metadata: stripMeta(metadata), data: bundle };
}

/** A Secret without any of its data, and without annotations: deploy tools keep copies of the data there. */
export function stripSecret(object: KubeObject): KubeObject {
  const { annotations: _annotations, ...metadata } = stripMeta(object.metadata);
  return { apiVersion: object.apiVersion, kind: object.kind, metadata };
}

function stripMeta(metadata: ServedMeta): ObjectMeta {
  const { managedFields: _managedFields, selfLink: _selfLink, annotations, ...rest } = metadata;
  if (annotations === undefined) return rest;
  const { [copiedSpec]: _copy, ...others } = annotations;
  return Object.keys(others).length === 0 ? rest : { ...rest, annotations: others };
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
