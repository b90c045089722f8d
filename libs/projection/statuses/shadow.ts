// Rules that can never match, because another rule has an equal match wherever they have one and comes before them.
import type { Claim, RuleName } from '#libs/projection/model/publish.ts';
import type { Shadow } from './route-status.ts';

/** The shadowed rules of one route, by gateway and rule. `winnerOf` names the rule that holds a ground. */
export function findShadows(
  claims: readonly Claim[],
  winnerOf: (ground: string) => RuleName | undefined,
): readonly Shadow[] {
  const open = new Map<
    string,
    { index: number; gateway: string; winner: RuleName | undefined; listeners: Set<string> }
  >();
  for (const { ground, gateway, listener, rule } of claims) {
    const id = `${gateway} ${rule.index}`;
    const known = open.get(id);
    const winner = winnerOf(ground);
    const lost = winner !== undefined && !sameRule(winner, rule);
    if (known === undefined) {
      open.set(id, { index: rule.index, gateway, winner: lost ? winner : undefined, listeners: new Set([listener]) });
    } else {
      known.listeners.add(listener);
      if (!lost) known.winner = undefined;
    }
  }
  return [...open.values()].flatMap(({ index, gateway, winner, listeners }) =>
    winner === undefined ? [] : [{ index, gateway, winner, listeners: [...listeners] }],
  );
}

function sameRule(a: RuleName, b: RuleName): boolean {
  return (
    a.index === b.index &&
    a.route.name === b.route.name &&
    a.route.namespace === b.route.namespace &&
    a.route.kind === b.route.kind &&
    a.route.cluster === b.route.cluster
  );
}
