// Describes what an explanation stands on: entries of gateways, what routes say of themselves, and where all of that
// comes from.
import type { Entry, RouteName } from '#libs/snapshot/entry.ts';

export interface Ground {
  /** Where it comes from, for a heading: `manifests in ./eu`, `eu/platform/shared version 4`. */
  readonly about: string;
  readonly gateways: readonly GroundGateway[];
  /** Every route that names one of the gateways as a parent, and those that no gateway takes. */
  readonly routes: readonly GroundRoute[];
  /** What is wrong with gateways and listeners, as sentences. */
  readonly problems: readonly string[];
  /** What an API server would refuse, `file:line: message`. */
  readonly refused: readonly string[];
  /** What was taken for granted, as sentences. */
  readonly assumed: readonly string[];
  /** Whether it is known when a route was made. */
  readonly isAgeKnown: (route: Pick<RouteName, 'kind' | 'namespace' | 'name'>) => boolean;
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
  /** Conditions that are not as they should be, as sentences; of one that is not taken, why. */
  readonly problems: readonly string[];
  /** Whether any Gateway of Fleetgate takes it; of what others take only those ask whom nobody answers. */
  readonly taken: boolean;
}
