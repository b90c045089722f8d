// Wires the stages that find rules which lose to those of another Gateway on the same nodes: there, listeners of one
// port and hostname are one, and a hostname belongs to the narrowest listener of any Gateway. Rules of Gateways that
// share no port cost a look-up for each listener.
import type { Derivation } from '#libs/derivation/derivation.ts';
import type { Read, Stage } from '#libs/derivation/stage.ts';
import { type Claim, type Claimant, type RuleName, winningRule } from '#libs/projection/model/publish.ts';
import type { Winner } from '#libs/projection/statuses/route-status.ts';
import { sameRule } from '#libs/projection/statuses/shadow.ts';
import type { GatewayStages } from './gateway-stages.ts';

/**
 * Says what a claim comes to on one shared port: it competes for a ground there, or its hostname is another Gateway's.
 */
type SharedClaim = { readonly ground: string; readonly claimant: Claimant } | { readonly winner: Winner };

/** Says what a claim of a route loses to, on its own Gateway or on every pool of nodes that serves it. */
export type WinnerLookup = (route: string, read: Read) => (claim: Claim) => Winner | undefined;

type SharedPorts = Pick<GatewayStages, 'shared' | 'owners' | 'poolsOf'>;

/** Makes the stages. `winners` are those within a Gateway, by Claim.ground. */
export function createWinnerLookup(
  engine: Derivation,
  gateways: SharedPorts,
  claims: Stage<readonly Claim[]>,
  winners: Stage<RuleName>,
): WinnerLookup {
  const sharedClaims = engine.stage({
    name: 'claims on shared ports',
    each: claims,
    compute: (key, read): Readonly<Record<string, readonly SharedClaim[]>> | undefined => {
      const found = (read.get(claims, key) ?? []).flatMap((claim) => {
        const ports = read.list(gateways.shared, `${claim.gateway} ${claim.listener}`);
        const own = ports.flatMap((port) => toSharedClaim(port, claim, gateways, read) ?? []);
        return own.length === 0 ? [] : [[claimId(claim), own] as const];
      });
      return found.length === 0 ? undefined : Object.fromEntries(found);
    },
  });
  const byGround = engine
    .group<Claimant>()
    .feed(sharedClaims, (key, list) =>
      Object.entries(list).flatMap(([id, own]) =>
        own.flatMap((one) =>
          'ground' in one ? [{ group: one.ground, member: `${key} ${id}`, item: one.claimant }] : [],
        ),
      ),
    );
  const sharedWinners = engine.stage({
    name: 'winning rule on a shared port',
    compute: (key, read) => winningRule(read.list(byGround, key)),
  });
  return (route, read) => {
    const shared = read.get(sharedClaims, route);
    return (claim) => {
      const own = read.get(winners, claim.ground);
      if (own !== undefined && !sameRule(own, claim.claimant.rule)) return own;
      const here = shared?.[claimId(claim)] ?? [];
      // Where nodes of another pool serve the Gateway alone, the rule is not lost.
      if (here.length === 0 || here.length < read.count(gateways.poolsOf, claim.gateway)) return undefined;
      const all = here.map((one) =>
        'winner' in one ? one.winner : otherRule(read.get(sharedWinners, one.ground), claim),
      );
      return all.includes(undefined) ? undefined : all[0];
    };
  };
}

function toSharedClaim(
  port: string,
  { gateway, listener, hostname, ground, claimant }: Claim,
  gateways: SharedPorts,
  read: Read,
): SharedClaim | undefined {
  const owner = read.get(gateways.owners, `${port} ${hostname}`);
  if (owner === undefined) return undefined;
  const own = `${gateway} ${listener}`;
  if (!owner.listeners.includes(own)) return { winner: { gateway: owner.gateway, hostname: owner.hostname } };
  // The ground goes on with the hostname and the match of the rule.
  return { ground: `${port} ${owner.hostname} ${ground.slice(own.length + 1)}`, claimant };
}

function otherRule(winner: RuleName | undefined, { claimant: { rule } }: Claim): RuleName | undefined {
  return winner === undefined || sameRule(winner, rule) ? undefined : winner;
}

function claimId({ ground, claimant: { rule }, match }: Claim): string {
  return `${rule.index} ${match} ${ground}`;
}
