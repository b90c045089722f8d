// Applies and deletes whole objects, by server-side apply.
import { canonicalJson } from '#libs/gateway/canonical.ts';
import { dataPlaneLabel } from '#libs/gateway/data-plane/data-plane-name.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import { fail, messageOf } from '#libs/runtime/errors.ts';
import type { ApiAnswer, ApiClient, ApiRequest } from '../kubernetes/api-client.ts';
import { parseKubeObject } from '../kubernetes/resource-version.ts';
import { collectionPath, ownedKinds } from '../provision/owned-objects.ts';
import { type InstallObject, managedBy } from './manifest.ts';

type Applied = 'created' | 'configured' | 'unchanged' | 'no such kind';
type Deleted = 'deleted' | 'not found' | 'kept' | 'no such kind';

const metadataList = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
const fieldManager = 'fleetgate';
const plurals: Readonly<Record<string, string>> = {
  GatewayClass: 'gatewayclasses',
  ValidatingAdmissionPolicy: 'validatingadmissionpolicies',
};

/** Applies and deletes objects, for real or as a dry run. */
export class InstallClient {
  readonly #client: ApiClient;
  readonly #dryRun: Readonly<Record<string, string>>;

  constructor(client: ApiClient, mode: 'for real' | 'dry run') {
    this.#client = client;
    this.#dryRun = mode === 'dry run' ? { dryRun: 'All' } : {};
  }

  /** Reads an object; null = there is none. Throws FleetgateError 'kube-refused', 'kube-unreachable'. */
  async get(path: string): Promise<Readonly<Record<string, unknown>> | null> {
    const answer = await this.#call({ path });
    if (answer.status === 404) return null;
    return expectSuccess(answer, path);
  }

  /** Applies an object as the one owner of its fields. Throws as `get`. */
  async apply(object: InstallObject): Promise<Applied> {
    const path = objectPath(object);
    const before = await this.get(path);
    const answer = await this.#call({
      method: 'PATCH',
      path,
      query: { fieldManager, force: 'true', ...this.#dryRun },
      contentType: 'application/apply-patch+yaml',
      body: JSON.stringify(object),
    });
    if (answer.status === 404) {
      // Dry run in a namespace that is not there yet.
      return before === null && isNotFoundNamespace(answer) ? 'created' : 'no such kind';
    }
    const after = expectSuccess(answer, path);
    if (before === null) return 'created';
    return contentOf(before) === contentOf(after) ? 'unchanged' : 'configured';
  }

  /** Deletes what Fleetgate made; what somebody else made under the name is kept. Throws as `get`. */
  async delete(object: Pick<InstallObject, 'apiVersion' | 'kind' | 'metadata'>): Promise<Deleted> {
    const path = objectPath(object);
    const before = await this.get(path);
    if (before === null) return 'not found';
    const [[key, value] = ['', '']] = Object.entries(managedBy);
    const { labels } = isRecord(before['metadata']) ? before['metadata'] : {};
    if (!isRecord(labels) || labels[key] !== value) return 'kept';
    const query = { propagationPolicy: 'Foreground', ...this.#dryRun };
    const answer = await this.#call({ method: 'DELETE', path, query });
    if (answer.status !== 404) expectSuccess(answer, path);
    return 'deleted';
  }

  /**
   * Lists the annotations of cluster-wide objects by name; null = the context may not, or there is no such kind. Throws
   * FleetgateError 'kube-unreachable'.
   */
  async listAnnotations(path: string): Promise<ReadonlyMap<string, Readonly<Record<string, string>>> | null> {
    const { status, body } = await this.#call({ path, accept: metadataList });
    const items = isRecord(body) ? body['items'] : undefined;
    if (status !== 200 || !Array.isArray(items)) return null;
    return new Map(
      items.flatMap((item: unknown) => {
        const metadata = isRecord(item) && isRecord(item['metadata']) ? item['metadata'] : {};
        const { name, annotations } = metadata;
        const texts = Object.entries(isRecord(annotations) ? annotations : {}).filter(
          (entry): entry is [string, string] => typeof entry[1] === 'string',
        );
        return typeof name === 'string' ? [[name, Object.fromEntries(texts)] as const] : [];
      }),
    );
  }

  /** Lists everything that an agent provided, in any namespace. Throws as `get`. */
  async listProvided(): Promise<readonly Pick<InstallObject, 'apiVersion' | 'kind' | 'metadata'>[]> {
    const found: Pick<InstallObject, 'apiVersion' | 'kind' | 'metadata'>[] = [];
    for (const info of ownedKinds) {
      const path = collectionPath(info);
      const answer = await this.#call({ path, query: { labelSelector: dataPlaneLabel } });
      const { items } = expectSuccess(answer, path);
      for (const item of Array.isArray(items) ? items : []) {
        const object = parseKubeObject(item, info.apiVersion, info.kind);
        if (object === null) continue;
        const { name, namespace = '', labels = {} } = object.metadata;
        found.push({ apiVersion: info.apiVersion, kind: info.kind, metadata: { name, namespace, labels } });
      }
    }
    return found;
  }

  async #call(request: ApiRequest): Promise<ApiAnswer> {
    try {
      return await this.#client.call(request);
    } catch (error) {
      throw fail('kube-unreachable', `${this.#client.server}: ${messageOf(error)}`, { cause: error });
    }
  }
}

/** Gives the path of an object. */
export function objectPath({
  apiVersion,
  kind,
  metadata,
}: Pick<InstallObject, 'apiVersion' | 'kind' | 'metadata'>): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const within = metadata.namespace === undefined ? '' : `/namespaces/${metadata.namespace}`;
  return `${root}${within}/${plurals[kind] ?? `${kind.toLowerCase()}s`}/${metadata.name}`;
}

function expectSuccess(answer: ApiAnswer, path: string): Readonly<Record<string, unknown>> {
  if (answer.status >= 200 && answer.status < 300 && isRecord(answer.body)) return answer.body;
  throw fail('kube-refused', `${path}: ${answer.message || `HTTP ${answer.status}`}`, {
    hint: 'Installing needs a context that may create namespaces, roles and deployments.',
  });
}

function isNotFoundNamespace(answer: ApiAnswer): boolean {
  return /namespaces? .*not found/.test(answer.message);
}

/** Gives what an object says as text, without what its server notes about it. */
function contentOf(object: Readonly<Record<string, unknown>>): string {
  const { status: _status, metadata, ...content } = object;
  const {
    managedFields: _fields,
    resourceVersion: _version,
    generation: _generation,
    ...meta
  } = isRecord(metadata) ? metadata : {};
  return canonicalJson({ ...content, metadata: meta });
}
