// Parses the annotations with which the owner of a Gateway sets its sanity limits; docs/sanity-limits.md lists them.
import { annotations } from '#libs/gateway/fields/metadata.ts';
import type { KubeObject } from '#libs/gateway/object.ts';
import type { Problem } from '#libs/gateway/problem.ts';

/** The limits that a Gateway sets for itself; what it leaves out is the fleet's. */
export interface LimitWishes {
  readonly entriesMax?: number;
  readonly bytesMax?: number;
  readonly removedShareMax?: number;
  readonly removedMin?: number;
  readonly removedRoutesMin?: number;
}

const names = {
  entriesMax: 'fleetgate.dev/entries-max',
  bytesMax: 'fleetgate.dev/bytes-max',
  removedShareMax: 'fleetgate.dev/removed-share-max',
  removedMin: 'fleetgate.dev/removed-min',
  removedRoutesMin: 'fleetgate.dev/removed-routes-min',
} as const satisfies Record<keyof LimitWishes, string>;

/** Reads the limits of a Gateway. One that cannot be read is a problem, and the fleet's holds in its place. */
export function parseGatewayLimits(object: KubeObject): {
  readonly wishes: LimitWishes;
  readonly problems: readonly Problem[];
} {
  const texts = annotations(object);
  const problems: Problem[] = [];
  const read = (name: keyof LimitWishes): LimitWishes => {
    const text = texts[names[name]];
    if (text === undefined) return {};
    const isShare = name === 'removedShareMax';
    const value = (isShare ? /^(0(\.\d{1,6})?|1(\.0{1,6})?)$/ : /^\d{1,12}$/).test(text) ? Number(text) : undefined;
    const message = isShare ? 'must be a share from 0 to 1, such as 0.5' : 'must be a whole number';
    if (value === undefined) problems.push({ path: `metadata.annotations[${names[name]}]`, message });
    return value === undefined ? {} : { [name]: value };
  };
  const wishes = {
    ...read('entriesMax'),
    ...read('bytesMax'),
    ...read('removedShareMax'),
    ...read('removedMin'),
    ...read('removedRoutesMin'),
  };
  return { wishes, problems };
}
