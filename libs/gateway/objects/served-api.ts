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
  };
}
