// Parses spec.hostnames of routes.
import type { Cursor } from './cursor.ts';
import { ipVersion } from '#libs/gateway/ip-address.ts';
import { wildcardHostname } from './names.ts';

/** Parses the hostnames of a route, sorted, each once. What is no hostname is noted and left out. */
export function parseRouteHostnames(at: Cursor, max: number): readonly string[] {
  const names = new Set<string>();
  for (const item of at.items(max)) {
    const name = item.requiredText(wildcardHostname);
    if (name === undefined) continue;
    if (ipVersion(name) !== 0) item.problem('must not be an IP address');
    else names.add(name);
  }
  return [...names].toSorted();
}
