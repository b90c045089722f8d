// Mounts `rollback`, `release` and `accept`: the command is sent, decided, waited for on the nodes, and told. That it
// needs another person's confirmation is told, and waited for where that is asked for.
import { type Command, Option } from 'commander';
import { z } from 'zod';
import { fail } from '#libs/runtime/errors.ts';
import { endpoints } from '#libs/api/endpoints.ts';
import { parsePlaceKey } from '#libs/gateway/object-key.ts';
import { awaitDecision } from '../client/approval-reads.ts';
import {
  type CommandAccepted,
  type CommandResult,
  type GatewayVerb,
  commandText,
  decidedText,
  notAppliedText,
  waitingText,
} from '../views/command-text.ts';
import type { ClientContext } from './client-command.ts';
import { gatewayForm } from './options.ts';

/** A version as a flag. */
export const versionFlag = z.coerce.number<string>().int('must be a version').min(1).optional();

/** The flags that say why. */
export const reasonFlags = z.object({
  reason: z.string().max(1000).optional(),
  ticket: z.string().max(200).optional(),
});

/** The flags that say how long to wait, and for what: `wait` undefined = for the nodes. */
export const waitFlags = z.object({
  wait: z.boolean().optional(),
  timeout: z
    .string()
    .regex(/^\d{1,3}$/u, 'must be whole seconds')
    .refine((text) => Number(text) >= 1 && Number(text) <= 120, 'must be from 1 to 120'),
});

/** The flags of every such command. */
export const commandFlags = z.object({
  ...reasonFlags.shape,
  ...waitFlags.shape,
  expect: versionFlag,
  force: z.boolean().optional(),
  breakGlass: z.boolean().optional(),
});

/** Control answers a little after the timeout at the latest. */
const answerMs = 15_000;

type CommandFlags = z.output<typeof commandFlags>;

/** Adds the options of a command that say why. */
export function addReasonOptions(command: Command): Command {
  return command
    .option('--reason <text>', 'why; kept in the history')
    .option('--ticket <ticket>', 'the ticket that asks for it; kept in the history');
}

/** Adds the options of a command that say how long to wait. */
export function addWaitOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--timeout <seconds>', 'how long it holds: until decided, and applied by the nodes').default('30'),
    )
    .option('--wait', 'wait for the confirmation too, where another person must give one')
    .option('--no-wait', 'do not wait for the nodes');
}

/** Adds the argument and the options of every such command. */
export function addCommandOptions(command: Command): Command {
  addReasonOptions(command.argument('<gateway>', gatewayForm));
  return addWaitOptions(command)
    .option('--expect <version>', 'the version that you saw serving: refused when another serves now')
    .option('--force', 'do it though another version serves than --expect says')
    .option('--break-glass', 'in an emergency: do it without the confirmation; admins only, with --reason');
}

/** Sends the command and tells what came of it. Throws FleetgateError 'not-applied' when nodes are late. */
export async function runGatewayCommand(
  context: ClientContext,
  gateway: string,
  verb: GatewayVerb,
  { reason, ticket, expect, force, breakGlass, to, ...waiting }: CommandFlags & { readonly to?: number | undefined },
): Promise<void> {
  const params = parsePlaceKey(gateway);
  const { patienceMs, timeout, wait } = waitsOf(waiting);
  const body = { reason, ticket, expect, force, breakGlass, timeout, wait };
  const result =
    verb === 'rollback'
      ? await context.client.call(endpoints.rollback, { params, body: { ...body, to } }, patienceMs)
      : await context.client.call(endpoints[verb], { params, body }, patienceMs);
  await tellResult(context, result, { about: gateway, verb, wait: waiting.wait });
}

/** Gives what the flags come to in milliseconds; `wait` undefined = not for the nodes. */
export function waitsOf({ wait, timeout }: z.output<typeof waitFlags>): {
  readonly timeout: number;
  readonly wait: number | undefined;
  readonly patienceMs: number;
} {
  const timeoutMs = Number(timeout) * 1000;
  return { timeout: timeoutMs, wait: wait === false ? undefined : timeoutMs, patienceMs: timeoutMs + answerMs };
}

/**
 * Tells what came of a command. Throws FleetgateError 'not-applied' when nodes are late, 'not-decided',
 * 'not-confirmed' while another person must confirm it, and 'command-refused' when that one does not.
 */
export async function tellResult(
  context: ClientContext,
  result: CommandResult | CommandAccepted,
  { about, verb, wait }: { readonly about: string; readonly verb: GatewayVerb; readonly wait: boolean | undefined },
): Promise<void> {
  if ('version' in result) {
    context.print(result, () => commandText(verb, result));
    if (wait !== false && !result.complete && result.nodes.length > 0)
      throw fail('not-applied', notAppliedText(result));
  } else if (result.confirm) {
    await tellRequest(context, result, { about, wait });
  } else {
    context.print(result, () => `${about}: not decided`);
    throw fail('not-decided', result.message);
  }
}

async function tellRequest(
  { client, print }: ClientContext,
  request: CommandAccepted,
  { about, wait = false }: { readonly about: string; readonly wait?: boolean | undefined },
): Promise<void> {
  if (!wait) {
    print(request, () => waitingText(about, request));
    throw fail('not-confirmed', `${about}, request ${request.id}`);
  }
  process.stderr.write(`${waitingText(about, request)}\n`);
  const decided = await awaitDecision(client, request.id);
  print(decided, () => decidedText(about, decided));
  if (decided.state !== 'recorded') throw fail('command-refused', decided.message ?? decided.state);
}
