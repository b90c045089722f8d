// Finds rules that can never match, because another rule has an equal match wherever they have one and comes before
// them.
import type { Claim, RuleName } from '#libs/projection/model/publish.ts';
import type { Shadow, Winner } from './route-status.ts';

/** Finds the shadowed rules of one route, by gateway and rule. `winnerOf` names what a claim loses to. */
export function findShadows(
  claims: readonly Claim[],
  winnerOf: (claim: Claim) => Winner | undefined,
): readonly Shadow[] {
  const open = new Map<
    string,
    { index: number; gateway: string; winner: Winner | undefined; listeners: Set<string> }
  >();
  for (const claim of claims) {
    const { gateway, listener, claimant } = claim;
    const { rule } = claimant;
    const id = `${gateway} ${rule.index}`;
    const known = open.get(id);
    const winner = winnerOf(claim);
    if (known === undefined) {
      open.set(id, { index: rule.index, gateway, winner, listeners: new Set([listener]) });
    } else {
      known.listeners.add(listener);
      if (winner === undefined) known.winner = undefined;
    }
  }
  return [...open.values()].flatMap(({ index, gateway, winner, listeners }) =>
    winner === undefined ? [] : [{ index, gateway, winner, listeners: [...listeners] }],
  );
}

/** Tells whether two names are of one rule. */
export function sameRule(a: RuleName, b: RuleName): boolean {
  return (
    a.index === b.index &&
    a.route.name === b.route.name &&
    a.route.namespace === b.route.namespace &&
    a.route.kind === b.route.kind &&
    a.route.cluster === b.route.cluster
  );
}
