// Adds to each GatewayClass of a cluster what the cluster serves (libs/gateway/objects/served-api.ts), and reports the
// classes again when that is another.
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { ServedApi } from '#libs/gateway/objects/served-api.ts';
import type { SourceSink } from '../source.ts';
import type { ApiClient } from './api-client.ts';
import type { ReflectedChange } from './reflector.ts';

export const crdGroup = 'apiextensions.k8s.io';
/** Names the CRD that tells of which release all of them are; the agent's role lets it read this one only. */
export const telltaleCrd = 'gateways.gateway.networking.k8s.io';

const annotationPrefix = 'gateway.networking.k8s.io/';
const metadataOnly = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';

type Release = Pick<ServedApi, 'bundleVersion' | 'channel'>;

/** Knows what one cluster serves, and its GatewayClasses. */
export class ServedApiReport {
  readonly #client: ApiClient;
  readonly #sink: SourceSink;
  readonly #provided: Pick<ServedApi, 'provides'>;
  readonly #classes = new Map<string, KubeObject>();
  #release: Release = {};
  #served: ServedApi = {};

  constructor(options: { readonly client: ApiClient; readonly sink: SourceSink; readonly provides: boolean }) {
    this.#client = options.client;
    this.#sink = options.sink;
    this.#provided = options.provides ? { provides: 'data planes' } : {};
  }

  /** Takes over what a look at the cluster found; resolves when every class that is known says it. */
  async tell(kinds: Iterable<string>, signal: AbortSignal): Promise<void> {
    await this.#readRelease(signal);
    if (signal.aborted) return;
    const served = { ...this.#release, ...this.#provided, kinds: [...new Set(kinds)].toSorted() };
    if (JSON.stringify(served) === JSON.stringify(this.#served)) return;
    this.#served = served;
    for (const object of this.#classes.values()) await this.#report({ type: 'applied', object, via: 'relist' });
  }

  /** Reports what happened to a class. */
  class(change: ReflectedChange): void | Promise<void> {
    if (change.type === 'deleted') this.#classes.delete(change.name);
    else this.#classes.set(change.object.metadata.name, change.object);
    return this.#report(change);
  }

  #report(change: ReflectedChange): void | Promise<void> {
    const kind = 'GatewayClass';
    if (change.type === 'deleted') return this.#sink.change({ ...change, kind });
    return this.#sink.change({ ...change, kind, object: { ...change.object, servedApi: this.#served } });
  }

  /** Asks of which release the CRDs are. While the server gives no answer, its last one holds. */
  async #readRelease(signal: AbortSignal): Promise<void> {
    const path = `/apis/${crdGroup}/v1/customresourcedefinitions/${telltaleCrd}`;
    const answer = await this.#client.call({ path, accept: metadataOnly, signal }).catch(() => undefined);
    if (answer === undefined) return;
    const { status, body, message } = answer;
    const sentence = `the agent may not read the CRD ${telltaleCrd}, and so cannot tell its release: ${message}`;
    this.#sink.problem('release', status === 403 ? sentence : null);
    if (status === 200) this.#release = parseRelease(body);
    if (status === 403 || status === 404) this.#release = {};
  }
}

function parseRelease(body: unknown): Release {
  const metadata = isRecord(body) && isRecord(body['metadata']) ? body['metadata'] : {};
  const annotations = isRecord(metadata['annotations']) ? metadata['annotations'] : {};
  const bundleVersion = annotations[`${annotationPrefix}bundle-version`];
  const channel = annotations[`${annotationPrefix}channel`];
  return {
    ...(typeof bundleVersion === 'string' ? { bundleVersion } : {}),
    ...(typeof channel === 'string' ? { channel } : {}),
  };
}
