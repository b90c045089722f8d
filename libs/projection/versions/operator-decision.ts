// Decides commands of operators against what is known; what is decided is folded as an event, with its outcome.
import type { GatewayCommand, RollbackEvent, StoredOutcome } from '#libs/events/operator-event.ts';
import type { GatewayHead } from './gateway-head.ts';

/** Says what a command is decided against, beside the gateway's head. */
export interface Standing {
  /** Versions of the gateway, in any order: the newest, and the one that a rollback names. */
  readonly versions: readonly { readonly version: number; readonly digest: string }[];
  /** Whether the version that a rollback names left the database for an archive. */
  readonly archived?: boolean;
  /** Who made the version that serves; undefined = it is not known. */
  readonly servedBy: ServedBy | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Says who made a version, when, and why. */
interface ServedBy {
  readonly actor: string | null;
  /** RFC 3339. */
  readonly at: string;
  readonly reason: string | null;
  /** The version that a rollback went back to. */
  readonly ofVersion: number | null;
}

/** Names what of a gateway's head decides. */
export type DecidedHead = Pick<GatewayHead, 'head' | 'serving' | 'pinned' | 'alarm'>;

type Refusal = Exclude<StoredOutcome, { readonly result: 'done' }>;

/**
 * Decides a command: gives the event for the history, with its outcome, `to` and `digest` of a rollback filled in.
 * Nothing is folded of what was refused or came too late.
 */
export function decideOperator(
  head: DecidedHead | undefined,
  command: GatewayCommand,
  standing: Standing,
): GatewayCommand & { readonly outcome: StoredOutcome } {
  const refusal = expired(command, standing.now) ?? outdated(head, command, standing);
  if (refusal !== undefined) return { ...command, outcome: refusal };
  const done = { result: 'done', ...(head === undefined ? {} : { replaced: head.serving }) } as const;
  if (command.type === 'rollback') {
    const target = rollbackTarget(head, command, standing);
    return 'result' in target ? { ...command, outcome: target } : { ...command, ...target, outcome: done };
  }
  return { ...command, outcome: unneeded(head, command) ?? done };
}

/** Finds the highest version below the one that serves whose content is another. */
function previousVersion(
  serving: number,
  versions: Standing['versions'],
): { readonly version: number; readonly digest: string } | undefined {
  const digest = versions.find(({ version }) => version === serving)?.digest;
  return versions
    .filter((one) => one.version < serving && one.digest !== digest)
    .reduce<Standing['versions'][number] | undefined>(
      (best, one) => (best === undefined || one.version > best.version ? one : best),
      undefined,
    );
}

function expired({ expiresAt }: GatewayCommand, now: number): Refusal | undefined {
  if (now < Date.parse(expiresAt)) return undefined;
  const message = `the command expired at ${expiresAt} before it was decided, and was not carried out; give it again`;
  return { result: 'expired', code: 'expired', message };
}

/** The gateway is not known, or is not as the person saw it. */
function outdated(head: DecidedHead | undefined, command: GatewayCommand, standing: Standing): Refusal | undefined {
  const { gateway, expect, force = false } = command;
  if (head === undefined) return refuse('unknown-gateway', `no gateway ${gateway} is known`);
  if (expect === undefined || force || head.serving === expect) return undefined;
  const since = servedText(standing.servedBy);
  return refuse('changed', `${gateway} serves version ${head.serving} now${since}, and not version ${expect}`);
}

/** A release without a pin, an accept without an alarm. */
function unneeded(head: DecidedHead | undefined, { type, gateway }: GatewayCommand): Refusal | undefined {
  if (type === 'release' && head?.pinned !== true) return refuse('not-pinned', `${gateway} is not pinned`);
  if (type === 'accept' && head?.alarm === null) return refuse('nothing-held', `nothing of ${gateway} is held back`);
  return undefined;
}

function rollbackTarget(
  head: DecidedHead | undefined,
  { gateway, to: wanted, digest }: RollbackEvent,
  { versions, servedBy, archived = false }: Standing,
): { readonly to: number; readonly digest: string } | Refusal {
  if (head === undefined) return refuse('unknown-gateway', `no gateway ${gateway} is known`);
  const previous = previousVersion(head.serving, versions);
  // Two people who mean the same would go back twice, to the content that they went away from.
  if (wanted === null && head.pinned) {
    const further = previous === undefined ? '--to VERSION' : `for example --to ${previous.version}`;
    const pin = `${gateway} is pinned already, to version ${head.serving}${servedText(servedBy)}`;
    return refuse('pinned', `${pin}; to go further back name the version, ${further}`);
  }
  const to = wanted ?? previous?.version;
  if (to === undefined) return refuse('no-earlier-version', `${gateway} has no earlier version with another content`);
  const target = versions.find(({ version }) => version === to);
  if (target === undefined && archived)
    return refuse(
      'archived-version',
      `version ${to} of ${gateway} is in the archive; \`fleetgate archive restore ${gateway}@${to}\` brings it back`,
    );
  if (target === undefined)
    return refuse('unknown-version', `${gateway} has no version ${to}; its newest is ${head.head}`);
  if (digest !== undefined && digest !== target.digest) {
    const was = `its digest is ${target.digest}, and was ${digest}`;
    return refuse(
      'another-content',
      `version ${to} of ${gateway} is not what it was when the command was given: ${was}`,
    );
  }
  return { to, digest: target.digest };
}

/** Who made what serves, in words that follow its number; '' when it is not known. */
function servedText(served: ServedBy | undefined): string {
  if (served === undefined) return '';
  const of = served.ofVersion === null ? '' : ` with the content of version ${served.ofVersion}`;
  const why = served.reason === null ? '' : ` (${served.reason})`;
  return `${of} since ${served.at} by ${served.actor ?? 'nobody known'}${why}`;
}

function refuse(code: string, message: string): Refusal {
  return { result: 'refused', code, message };
}
