// Reads what a cluster serves of the Gateway API. The agent says it on every GatewayClass, in the field `servedApi` of
// the object that enters the history: it is there whenever the status of a class is written, and a change of the CRDs
// is a change of the class.
import { openBody } from '#libs/gateway/fields/cursor.ts';
import type { KubeObject } from '#libs/gateway/object.ts';

/** Says which CRDs and which APIs a cluster has; what is absent is not known, as from an older agent. */
export interface ServedApi {
  /** The annotation `gateway.networking.k8s.io/bundle-version` of the CRDs: `v1.7.0`. */
  readonly bundleVersion?: string;
  /** The annotation `gateway.networking.k8s.io/channel` of the CRDs: `standard` or `experimental`. */
  readonly channel?: string;
  /** Names in the table of watched kinds, sorted: those that the cluster serves in a version that is read. */
  readonly kinds?: readonly string[];
  /** Present where the agent provides data planes for the Gateways of the cluster. */
  readonly provides?: 'data planes';
}

const kindsMax = 256;

/** Reads the field `servedApi` of a GatewayClass. Whatever it holds, this gives a value. */
export function parseServedApi(object: KubeObject): ServedApi {
  const { at } = openBody(object, 'servedApi');
  const bundleVersion = at.field('bundleVersion').text();
  const channel = at.field('channel').text();
  // A cluster with a GatewayClass serves a kind: an empty list is no word.
  const kinds = at
    .field('kinds')
    .items(kindsMax)
    .flatMap((kind) => kind.text() ?? []);
  return {
    ...(bundleVersion === undefined ? {} : { bundleVersion }),
    ...(channel === undefined ? {} : { channel }),
    ...(kinds.length === 0 ? {} : { kinds }),
    ...(at.field('provides').text() === 'data planes' ? { provides: 'data planes' } : {}),
  };
}

/** Tells whether the CRDs are of a release (`1.7`, with its candidates) or a later one. Unknown ones are older. */
export function isFromRelease({ bundleVersion }: ServedApi, release: string): boolean {
  const [one, other] = [bundleVersion ?? '', release].map(
    (text) => /^v?(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number) ?? [],
  );
  const [majors = 0, minors = 0] = [0, 1].map((at) => (one?.[at] ?? -1) - (other?.[at] ?? -1));
  return (majors || minors) >= 0;
}

/** Says which routabilities addresses of Gateways can have in a cluster (GEP-5093); none = there is no such field. */
export type Scopes = 'none' | 'default' | 'cluster';

/** Finds the scopes of a cluster. That of addresses in the cluster takes a data plane with a Service in front. */
export function scopesIn(api: ServedApi): Scopes {
  if (api.channel !== 'experimental' || !isFromRelease(api, '1.7')) return 'none';
  return api.provides === undefined ? 'default' : 'cluster';
}
