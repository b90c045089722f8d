// Says that what was asked for is not there.
import { nearNames } from '#libs/api/near-names.ts';
import { Problem } from '#libs/api/problem.ts';

export function noGateway(gateway: string): Problem {
  return new Problem('not-found', `there is no gateway ${gateway}`, 'GET /api/v1/gateways lists them.');
}

/** Says of a cluster or namespace that the fleet has none of this name, and which it may have meant. */
export function noneCalled(what: 'cluster' | 'namespace', name: string, known: readonly string[]): Problem {
  const near = nearNames(name, known);
  return new Problem(
    'not-found',
    `there is no ${what} ${name}`,
    near.length === 0 ? `GET /api/v1/clusters lists the clusters.` : `Did you mean ${near.join(' or ')}?`,
  );
}

export function noVersion(gateway: string, version: number): Problem {
  return new Problem('not-found', `gateway ${gateway} has no version ${version}`, 'Its snapshots list the versions.');
}
