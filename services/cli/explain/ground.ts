// Describes what an explanation stands on: entries of gateways, what routes say of themselves, and where all of that
// comes from.
import type { Entry } from '#libs/snapshot/entry.ts';

export interface Ground {
  /** Where it comes from, for a heading: `manifests in ./eu`, `eu/platform/shared version 4`. */
  readonly about: string;
  readonly gateways: readonly GroundGateway[];
  /** Every route that names one of the gateways as a parent. */
  readonly routes: readonly GroundRoute[];
  /** What is wrong with gateways and listeners, as sentences. */
  readonly problems: readonly string[];
  /** Added to listener ports by the nodes. */
  readonly portOffset: number;
  /** How many ready endpoints a discovery key has; undefined = not known here. */
  readonly endpoints: (key: string) => number | undefined;
  /** `file:line` of an object, where there is one. */
  readonly place: (kind: string, namespace: string, name: string) => string | undefined;
}

export interface GroundGateway {
  /** `cluster/namespace/name`. */
  readonly gateway: string;
  readonly version?: number;
  readonly entries: ReadonlyMap<string, Entry>;
}

export interface GroundRoute {
  readonly cluster: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** None = any. */
  readonly hostnames: readonly string[];
  /** Conditions that are not as they should be, as sentences. */
  readonly problems: readonly string[];
}
