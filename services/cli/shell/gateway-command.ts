// Mounts `rollback`, `release` and `accept`: the command is sent, decided, waited for on the nodes, and told.
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { fail } from '#libs/runtime/errors.ts';
import { endpoints } from '#libs/api/endpoints.ts';
import { parsePlaceKey } from '#libs/gateway/object-key.ts';
import { type GatewayVerb, commandText, notAppliedText } from '../views/command-text.ts';
import type { ClientContext } from './client-command.ts';
import { gatewayForm } from './options.ts';

/** A version as a flag. */
export const versionFlag = z.coerce.number<string>().int('must be a version').min(1).optional();

/** The flags of every such command. */
export const commandFlags = z.object({
  reason: z.string().max(1000).optional(),
  wait: z.boolean(),
  timeout: z
    .string()
    .regex(/^\d{1,3}$/u, 'must be whole seconds')
    .refine((text) => Number(text) >= 1 && Number(text) <= 120, 'must be from 1 to 120'),
  expect: versionFlag,
  force: z.boolean().optional(),
});

/** Control answers a little after the timeout at the latest. */
const answerMs = 15_000;

type CommandFlags = z.output<typeof commandFlags>;

/** Adds the argument and the options of every such command. */
export function addCommandOptions(command: Command): Command {
  return command
    .argument('<gateway>', gatewayForm)
    .option('--reason <text>', 'why; kept in the history')
    .addOption(
      new Option('--timeout <seconds>', 'how long it holds: until decided, and applied by the nodes').default('30'),
    )
    .option('--expect <version>', 'the version that you saw serving: refused when another serves now')
    .option('--force', 'do it though another version serves than --expect says')
    .option('--no-wait', 'do not wait for the nodes');
}

/** Sends the command and tells what came of it. Throws FleetgateError 'not-applied' when nodes are late. */
export async function runGatewayCommand(
  { client, print }: ClientContext,
  gateway: string,
  verb: GatewayVerb,
  { reason, wait, timeout, expect, force, to }: CommandFlags & { readonly to?: number | undefined },
): Promise<void> {
  const params = parsePlaceKey(gateway);
  const timeoutMs = Number(timeout) * 1000;
  const patienceMs = timeoutMs + answerMs;
  const body = { reason, expect, force, timeout: timeoutMs, wait: wait ? timeoutMs : undefined };
  const result =
    verb === 'rollback'
      ? await client.call(endpoints.rollback, { params, body: { ...body, to } }, patienceMs)
      : await client.call(endpoints[verb], { params, body }, patienceMs);
  if (!('version' in result)) {
    print(result, () => `${gateway}: not decided`);
    throw fail('not-decided', result.message);
  }
  print(result, () => commandText(verb, result));
  if (wait && !result.complete && result.nodes.length > 0) throw fail('not-applied', notAppliedText(result));
}
