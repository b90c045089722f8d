// Finds the gateway of the fleet that a person means: `cluster/namespace/name`, or the end of it where that is unique.
// Pure.
import { nearNames } from '#libs/api/near-names.ts';

type GatewayChoice =
  | { readonly found: string }
  | { readonly ambiguous: readonly string[] }
  | { readonly unknown: true; readonly near: readonly string[] };

/** Finds the one gateway that ends so: `shared`, `platform/shared` and `eu/platform/shared` may all name the same. */
export function resolveGateway(text: string, known: readonly string[]): GatewayChoice {
  const wanted = text.replace(/^gateway\//iu, '').replaceAll(/^\/+|\/+$/gu, '');
  if (known.includes(wanted)) return { found: wanted };
  const matches = known.filter((gateway) => gateway.endsWith(`/${wanted}`));
  const [first] = matches;
  if (first !== undefined) return matches.length === 1 ? { found: first } : { ambiguous: matches };
  return { unknown: true, near: nearGateways(wanted, known) };
}

/** Compares part by part from the end, so that a typed short name is near to a full one. */
function nearGateways(wanted: string, known: readonly string[]): readonly string[] {
  const parts = wanted.split('/').length;
  const ends = new Map(known.map((gateway) => [gateway, gateway.split('/').slice(-parts).join('/')]));
  const near = nearNames(wanted, [...new Set(ends.values())]);
  return near.flatMap((end) => known.filter((gateway) => ends.get(gateway) === end)).slice(0, 3);
}
