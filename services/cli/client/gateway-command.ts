// What `rollback`, `release` and `accept` have in common: sent, decided, waited for on the nodes, told.
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { fail } from '#libs/runtime/errors.ts';
import { commandAccepted, commandResult } from '#libs/api/models.ts';
import { type ClientContext, gatewayPath } from './client-command.ts';
import { count } from '../views/table.ts';

export type CommandResult = z.output<typeof commandResult>;

/** Options of every such command. */
export const commandFlags = z.object({
  reason: z.string().max(1000).optional(),
  wait: z.boolean(),
  timeout: z
    .string()
    .regex(/^\d{1,3}$/u, 'must be whole seconds')
    .refine((text) => Number(text) <= 120, 'must be at most 120'),
});

type CommandFlags = z.output<typeof commandFlags>;

/** Adds the argument and the options of every such command. */
export function addCommandOptions(command: Command): Command {
  return command
    .argument('<gateway>', 'cluster/namespace/name, or the end of it where that is unique')
    .option('--reason <text>', 'why; kept in the history')
    .addOption(new Option('--timeout <seconds>', 'how long to wait for the nodes').default('30'))
    .option('--no-wait', 'do not wait for the nodes');
}

/** Sends the command and tells what came of it. Throws FleetgateError 'not-applied' when nodes have not applied it in time. */
export async function runGatewayCommand(
  { client, print }: ClientContext,
  gateway: string,
  verb: 'rollback' | 'release' | 'accept',
  flags: CommandFlags,
  body: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const result = await client.post(
    `${gatewayPath(gateway)}/${verb}`,
    {
      ...body,
      ...(flags.reason === undefined ? {} : { reason: flags.reason }),
      ...(flags.wait ? { wait: Number(flags.timeout) * 1000 } : {}),
    },
    z.union([commandResult, commandAccepted]),
  );
  if (!('version' in result)) {
    print(result, () => `${gateway}: ${result.message}`);
    return;
  }
  print(result, () => commandText(verb, result, body['to']));
  if (flags.wait && !result.complete && result.nodes.length > 0) throw fail('not-applied', notAppliedText(result));
}

/** What a command did, for people. */
export function commandText(verb: 'rollback' | 'release' | 'accept', result: CommandResult, to: unknown): string {
  const { gateway, version, nodes, complete, ms, decidedMs } = result;
  const what = {
    rollback: `serves the content of version ${typeof to === 'number' ? to : 'before'} again, as version ${version}, and is pinned`,
    release: `is released and serves version ${version}`,
    accept: `takes the change that was held back and serves version ${version}`,
  }[verb];
  const applied = nodes.filter(({ state }) => state === 'applied').length;
  const where =
    nodes.length === 0
      ? `decided in ${decidedMs.toFixed(0)} ms`
      : `applied by ${applied} of ${count(nodes.length, 'node')}${complete && ms !== null ? ` in ${ms.toFixed(0)} ms` : ''}`;
  const lines = [`${gateway} ${what}`, `  ${where}`];
  if (verb === 'rollback') lines.push(`  later changes wait as candidates until: fleetgate release ${gateway}`);
  return lines.join('\n');
}

function notAppliedText({ gateway, version, nodes }: CommandResult): string {
  const late = nodes
    .filter(({ state }) => state !== 'applied')
    .map(({ node, state, reasons }) => `\n  ${node}: ${[state, ...reasons].join(', ')}`);
  return `version ${version} of ${gateway}${late.join('')}`;
}
