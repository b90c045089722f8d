// Reads change events from outside: unknown JSON becomes a ChangeEvent of the newest version, or the list of what is
// wrong with it.
import type { ChangeEvent, SealedMaterial, SealedText } from './change-event.ts';
import { upcast } from './upcast.ts';
import { Cursor } from '#libs/gateway/fields/cursor.ts';
import { kindInfo, type KindInfo, kubernetesKind } from '#libs/gateway/kinds.ts';
import { clusterName, objectName } from '#libs/gateway/fields/names.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { isNestedDeeper, nestingMax } from '#libs/gateway/nesting.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { Parsed, Problem } from '#libs/gateway/problem.ts';

const id = { min: 1, max: 253 };
const time = { min: 1, max: 64 };
const sealedMax = 64;
const sha256Hex = { pattern: /^[0-9a-f]{64}$/, expected: 'a SHA-256 in hex' };

/** Reads one change event, of any version that ever was. The object's body stays unknown. */
export function parseChangeEvent(json: unknown): Parsed<ChangeEvent> {
  const problems: Problem[] = [];
  const current = upcast('change', json);
  const event = readEvent(new Cursor(current, '', problems), current);
  return event === undefined || problems.length > 0 ? { ok: false, problems } : { ok: true, value: event };
}

function readEvent(at: Cursor, json: unknown): ChangeEvent | undefined {
  if (at.requiredObject() === undefined) return undefined;
  if (at.field('v').integer(1, 1) === undefined) return at.field('v').problem('is not a known version');
  const type = at.field('type').oneOf(['applied', 'deleted']);
  const kind = kindInfo(at.field('kind').requiredText() ?? '');
  if (kind === undefined) return at.field('kind').problem('is not a watched kind');
  const namespace = readNamespace(at.field('namespace'), kind.scope);
  const via = at.field('via').oneOf(['watch', 'relist']);
  const hash = type === 'applied' ? at.field('hash').requiredText(sha256Hex) : at.field('hash').text({ max: 0 });
  const texts = {
    cluster: at.field('cluster').requiredText(clusterName) ?? '',
    clusterUid: at.field('clusterUid').requiredText(id) ?? '',
    name: at.field('name').requiredText(objectName) ?? '',
    uid: at.field('uid').requiredText(id) ?? '',
    resourceVersion: at.field('resourceVersion').requiredText(id) ?? '',
    at: at.field('at').requiredTime() ?? '',
    seenAt: at.field('seenAt').requiredTime() ?? '',
  };
  const envelope = { kind: kind.kind, namespace: namespace ?? '', ...texts };
  const object = type === 'deleted' ? null : parseObject(at.field('object'), json, envelope);
  const sealed = readSealed(at.field('sealed'));
  const reason = at.field('reason').text({ max: 1000 });
  const ticket = at.field('ticket').text({ max: 200 });
  if (type === undefined) return at.field('type').present ? undefined : at.field('type').problem('is missing');
  if (type === 'applied' && object === undefined) return undefined;
  return {
    v: 1,
    type,
    ...envelope,
    actor: readActor(at.field('actor')),
    via: via ?? 'watch',
    hash: hash ?? '',
    object: object ?? null,
    ...(reason === undefined ? {} : { reason }),
    ...(ticket === undefined ? {} : { ticket }),
    ...(sealed === undefined ? {} : { sealed }),
  };
}

function readNamespace(at: Cursor, scope: KindInfo['scope']): string | undefined {
  if (scope === 'Cluster') return at.text({ max: 0 });
  return scope === 'Any' && at.text() === '' ? '' : at.requiredText(objectName);
}

function readActor(at: Cursor): ChangeEvent['actor'] {
  if (at.object() === undefined) return null;
  return {
    manager: at.field('manager').requiredText({ max: 512 }) ?? '',
    operation: at.field('operation').requiredText({ max: 128 }) ?? '',
  };
}

function readSealed(at: Cursor): SealedMaterial | undefined {
  if (at.object() === undefined) return undefined;
  const others = at.field('others').items(sealedMax).map(readSealedText);
  return { ...readSealedText(at), ...(others.length === 0 ? {} : { others }) };
}

function readSealedText(at: Cursor): SealedText {
  return {
    keyId: at.field('keyId').requiredText(id) ?? '',
    enc: at.field('enc').requiredText({ max: 4096 }) ?? '',
    ciphertext: at.field('ciphertext').requiredText({ max: 8_000_000 }) ?? '',
  };
}

/** Parses the object, when its metadata says the same as the envelope. */
function parseObject(
  at: Cursor,
  json: unknown,
  envelope: { readonly kind: string; readonly namespace: string; readonly name: string; readonly uid: string },
): KubeObject | undefined {
  if (at.requiredObject() === undefined || at.field('metadata').requiredObject() === undefined) return undefined;
  if (isRecord(json) && isNestedDeeper(json.object)) return at.problem(`is nested deeper than ${nestingMax} levels`);
  const metadata = at.field('metadata');
  at.field('apiVersion').requiredText(id);
  metadata.field('creationTimestamp').requiredText(time);
  metadata.field('resourceVersion').requiredText(id);
  const same =
    at.field('kind').text() === kubernetesKind(envelope.kind) &&
    metadata.field('name').text() === envelope.name &&
    (metadata.field('namespace').text() ?? '') === envelope.namespace &&
    metadata.field('uid').text() === envelope.uid;
  if (!same) return at.problem('is not the object that the event names');
  // What the type promises of metadata was checked above, or is read with care (libs/gateway/metadata.ts).
  return isRecord(json) && isKubeObject(json.object) ? json.object : undefined;
}

function isKubeObject(value: unknown): value is KubeObject {
  return isRecord(value) && isRecord(value.metadata);
}
