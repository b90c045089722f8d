// Shows what `rollback`, `release` and `accept` did, and on which nodes. Pure.
import type { z } from 'zod';
import type { commandAccepted, commandResult, operation, rollbackPreview } from '#libs/api/models/command.ts';
import { count } from './table.ts';

export type CommandResult = z.output<typeof commandResult>;

type RollbackPreview = z.output<typeof rollbackPreview>;

export type CommandAccepted = z.output<typeof commandAccepted>;

export type GatewayVerb = 'rollback' | 'release' | 'accept';

/** Writes what a command did. */
export function commandText(verb: GatewayVerb, result: CommandResult): string {
  const { gateway, version, replaced, ofVersion } = result;
  const instead = replaced === null || replaced === version ? '' : `, in place of version ${replaced}`;
  const what = {
    rollback:
      `serves the content of version ${ofVersion ?? 'before'} again, as version ${version}, ` +
      `and is pinned${instead}`,
    release: `is released and serves version ${version}${instead}`,
    accept: `takes the change that was held back and serves version ${version}${instead}`,
  }[verb];
  const lines = [`${gateway} ${what}`, `  ${whereText(result)}`, ...result.unready.map((text) => `  ! ${text}`)];
  if (verb === 'rollback') lines.push(`  later changes wait as candidates until: fleetgate release ${gateway}`);
  return lines.join('\n');
}

/** Writes what a rollback would do, and the commands that show and do it. */
export function previewText({ gateway, serving, to, refused, unready }: RollbackPreview): string {
  if (refused !== null || to === null) return `${gateway} serves version ${serving}; a rollback would be refused`;
  return [
    `${gateway} serves version ${serving}; the content of version ${to} would serve in its place, pinned`,
    ...unready.map((text) => `  ! ${text}`),
    `  what differs: fleetgate diff ${gateway} ${serving} ${to}`,
    `  to do it:     fleetgate rollback ${gateway} --to ${to} --expect ${serving}`,
  ].join('\n');
}

/** Writes that another person must confirm a command, and how. */
export function waitingText(about: string, { id, expiresAt }: CommandAccepted): string {
  return [
    `${about}: another person must confirm it until ${expiresAt}; nothing is carried out before`,
    `  to confirm it: fleetgate approve ${id}`,
    `  to refuse it:  fleetgate reject ${id}`,
  ].join('\n');
}

/** Writes what became of a command that waited to be confirmed. */
export function decidedText(about: string, { state, version, message }: z.output<typeof operation>): string {
  if (state === 'recorded') return `${about}: confirmed, and carried out as version ${version ?? '?'}`;
  return `${about}: ${message ?? state}`;
}

/** Writes which nodes have not applied a version, with what they say. */
export function notAppliedText({ gateway, version, nodes }: CommandResult): string {
  const late = nodes
    .filter(({ state }) => state !== 'applied')
    .map((one) => `\n  ${one.node}: ${[stateText(one), ...one.reasons].join(', ')}`);
  return `version ${version} of ${gateway}${late.join('')}`;
}

function whereText({ nodes, complete, ms, decidedMs }: CommandResult): string {
  if (nodes.length === 0) return `decided in ${decidedMs.toFixed(0)} ms`;
  const applied = nodes.filter(({ state }) => state === 'applied').length;
  const took = complete && ms !== null ? ` in ${ms.toFixed(0)} ms` : '';
  const unknown = nodes.filter(({ state }) => state === 'unknown').map((one) => `; ${one.node} ${stateText(one)}`);
  return `applied by ${applied} of ${count(nodes.length, 'node')}${took}${unknown.join('')}`;
}

function stateText({ state, unknownSince }: CommandResult['nodes'][number]): string {
  return unknownSince === null ? state : `${state} since ${unknownSince.slice(0, 19)}Z`;
}
