// Says that what was asked for is not there.
import { Problem } from '#libs/api/problem.ts';

export function noGateway(gateway: string): Problem {
  return new Problem('not-found', `there is no gateway ${gateway}`, 'GET /api/v1/gateways lists them.');
}

export function noVersion(gateway: string, version: number): Problem {
  return new Problem('not-found', `gateway ${gateway} has no version ${version}`, 'Its snapshots list the versions.');
}
