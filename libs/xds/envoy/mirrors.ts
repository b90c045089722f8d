// Gives each mirror its share of requests. Envoy draws one number per request: which routes take it by their share,
// which of weighted clusters it goes to and which mirrors get a copy all follow from that number, modulo the shares'
// denominator or the sum of the weights. So that a copy does not depend on the rest,
//
//   one mirror draws              it draws in millionths, and weights beside it are scaled to a sum that has no factor
//                                 in common with a million
//   several draw, or a mirror     each combination of copies is a route of its own with its share of the requests; the
//   draws on a share of a rule    mirrors on it draw no more
//
// A fourth mirror that draws, and any further one, draws from the same number as the routes.
import type { HttpFilter } from '#libs/snapshot/entry.ts';
import type { ProtoMessage } from './resources.ts';

/** Which mirrors get a copy of a share of the requests. */
interface MirrorShare {
  /** 0 < share ≤ 1; they add up to 1. */
  readonly share: number;
  readonly policies: readonly ProtoMessage[];
}

const million = 1_000_000;
/** The largest prime below 2³², which a sum of weights may not exceed. */
const prime = 4_294_967_291;
const combinedMax = 3;

interface Mirror {
  readonly policy: ProtoMessage;
  /** 0 < fraction ≤ 1. */
  readonly fraction: number;
}

/**
 * Gives the shares of the mirrors among filters; one share where there is nothing to combine. `beside` = whether the
 * route itself takes a share of the requests.
 */
export function mirrorShares(
  filters: readonly HttpFilter[],
  clusterOf: (backendKey: string) => string | undefined,
  beside: 'all requests' | 'a share',
): readonly MirrorShare[] {
  const mirrors = filters.flatMap((filter) => toMirror(filter, clusterOf));
  const drawing = mirrors.filter(({ fraction }) => fraction < 1);
  if (drawing.length === 0 || (drawing.length === 1 && beside === 'all requests'))
    return [{ share: 1, policies: mirrors.map(drawn) }];
  const combined = new Set(drawing.slice(0, combinedMax));
  let shares: readonly MirrorShare[] = [{ share: 1, policies: [] }];
  for (const mirror of mirrors) {
    shares = combined.has(mirror)
      ? shares.flatMap(({ share, policies }) => [
          { share: share * mirror.fraction, policies: [...policies, mirror.policy] },
          { share: share * (1 - mirror.fraction), policies },
        ])
      : shares.map(({ share, policies }) => ({ share, policies: [...policies, drawn(mirror)] }));
  }
  return shares;
}

/** Gives weights in the same proportions whose sum does not show in a number modulo a million. */
export function independentWeights(weights: readonly number[]): readonly number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let passed = 0;
  return weights.map((weight) => {
    const start = Math.round((passed / total) * prime);
    passed += weight;
    return Math.round((passed / total) * prime) - start;
  });
}

/** Tells whether a mirror among the filters draws. */
export function isDrawing(filter: HttpFilter): boolean {
  return filter.type === 'mirror' && filter.numerator > 0 && filter.numerator < filter.denominator;
}

/** Writes a share as Envoy has it. */
export function millionths(fraction: number): ProtoMessage {
  return { default_value: { numerator: Math.round(fraction * million), denominator: 'MILLION' } };
}

function toMirror(filter: HttpFilter, clusterOf: (backendKey: string) => string | undefined): readonly Mirror[] {
  if (filter.type !== 'mirror' || 'invalid' in filter.backend) return [];
  const cluster = clusterOf(filter.backend.key);
  const fraction = Math.min(1, filter.numerator / filter.denominator);
  if (cluster === undefined || !(fraction > 0)) return [];
  return [{ policy: { cluster, disable_shadow_host_suffix_append: true }, fraction }];
}

function drawn({ policy, fraction }: Mirror): ProtoMessage {
  return fraction < 1 ? { ...policy, runtime_fraction: millionths(fraction) } : policy;
}
