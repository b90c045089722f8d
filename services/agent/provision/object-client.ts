// Writes for the provisioner: it applies our fields by server-side apply, and deletes what is ours. Nothing throws.
import { dataPlaneLabel } from '#libs/gateway/data-plane/data-plane-name.ts';
import { managedBy, managedByLabel } from '#libs/gateway/data-plane/data-plane-service.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { messageOf } from '#libs/runtime/errors.ts';
import type { ApiClient } from '../kubernetes/api-client.ts';
import { parseKubeObject } from '../kubernetes/resource-version.ts';
import type { OwnedObject } from './objects.ts';
import { type SeenObject, collectionPath, ownedKinds, toSeen } from './owned-objects.ts';

/**
 * Says what came of an apply. foreign: somebody else's object has the name; refused: as it is, it will not be taken;
 * forbidden: the agent may not.
 */
export type ApplyResult =
  | { readonly outcome: 'applied'; readonly seen: SeenObject }
  | { readonly outcome: 'foreign' }
  | { readonly outcome: 'gone' }
  | { readonly outcome: 'refused' | 'forbidden' | 'failed'; readonly reason: string };

type DeleteResult =
  | { readonly outcome: 'deleted' }
  | { readonly outcome: 'forbidden' | 'failed'; readonly reason: string };

const fieldManager = 'fleetgate-agent';

/** Applies one object; `known` = that what has its name now is ours. */
export async function applyObject(
  client: ApiClient,
  object: OwnedObject,
  known: 'ours' | 'unknown',
  signal: AbortSignal,
): Promise<ApplyResult> {
  const path = pathOf(object.kind, object.metadata);
  try {
    if (known === 'unknown' && !(await isFree(client, object, signal))) return { outcome: 'foreign' };
    const answer = await client.call({
      method: 'PATCH',
      path,
      query: { fieldManager, force: 'true' },
      contentType: 'application/apply-patch+yaml',
      body: JSON.stringify(object),
      signal,
    });
    const reason = answer.message || `HTTP ${answer.status}`;
    switch (answer.status) {
      case 200:
      case 201: {
        const current = parseKubeObject(answer.body, object.apiVersion, object.kind);
        return current === null
          ? { outcome: 'failed', reason: 'the answer is no object' }
          : { outcome: 'applied', seen: toSeen(current) };
      }
      case 404:
        return { outcome: 'gone' };
      case 400:
      case 422:
        return { outcome: 'refused', reason };
      case 401:
      case 403:
        // A namespace that is being deleted takes nothing new; its Gateway goes too.
        return /being terminated/.test(reason) ? { outcome: 'gone' } : { outcome: 'forbidden', reason };
      default:
        return { outcome: 'failed', reason };
    }
  } catch (error) {
    return { outcome: 'failed', reason: messageOf(error) };
  }
}

/** Deletes exactly this object: one of the same name that came after it stays. */
export async function deleteObject(
  client: ApiClient,
  { kind, namespace, name, uid }: SeenObject,
  signal: AbortSignal,
): Promise<DeleteResult> {
  try {
    const answer = await client.call({
      method: 'DELETE',
      path: pathOf(kind, { namespace, name }),
      contentType: 'application/json',
      body: JSON.stringify({ propagationPolicy: 'Background', preconditions: { uid } }),
      signal,
    });
    if (answer.status < 300 || answer.status === 404 || answer.status === 409) return { outcome: 'deleted' };
    const reason = answer.message || `HTTP ${answer.status}`;
    return { outcome: answer.status === 403 ? 'forbidden' : 'failed', reason };
  } catch (error) {
    return { outcome: 'failed', reason: messageOf(error) };
  }
}

/** Asks whether nobody else's object has the name, by a list, which the agent may do anyway. */
async function isFree(client: ApiClient, { kind, metadata }: OwnedObject, signal: AbortSignal): Promise<boolean> {
  const { name, namespace } = metadata;
  const path = pathOf(kind, { namespace, name: '' }).slice(0, -1);
  const { status, body, message } = await client.call({
    path,
    query: { fieldSelector: `metadata.name=${name}` },
    signal,
  });
  // What may not be read may most likely not be written: the write says so.
  if (status === 403) return true;
  if (status !== 200 || !isRecord(body)) throw new Error(message || `HTTP ${status}`);
  const items = Array.isArray(body['items']) ? body['items'] : [];
  return items.every((item) => {
    const { labels } = isRecord(item) && isRecord(item['metadata']) ? item['metadata'] : {};
    return isRecord(labels) && labels[managedByLabel] === managedBy && labels[dataPlaneLabel] === name;
  });
}

function pathOf(kind: string, { namespace, name }: { readonly namespace: string; readonly name: string }): string {
  const info = ownedKinds.find((row) => row.kind === kind);
  if (info === undefined) throw new RangeError(kind);
  return `${collectionPath(info, namespace)}/${name}`;
}
