// Runs `fleetgate diff GATEWAY [A [B]]`: shows what differs between two versions, entry by entry and field by field.
import type { Command } from 'commander';
import { z } from 'zod';
import { fail } from '#libs/runtime/errors.ts';
import { readDiff, readGateway } from '../client/fleet-reads.ts';
import { addClientAction } from '../shell/client-command.ts';
import { gatewayForm } from '../shell/options.ts';
import { diffText } from '../views/diff-text.ts';

/** Adds arguments, options and action. */
export function configureDiff(command: Command): void {
  command
    .argument('<gateway>', gatewayForm)
    .argument('[a]', 'from this version (default: the serving one while pinned, else the one before B)')
    .argument('[b]', 'to this version (default: the newest)');
  addClientAction(command, z.object({}), async (context, [text = '', a, b]) => {
    const gateway = await context.gateway(text);
    const { head, serving } = await readGateway(context.client, gateway);
    const to = b === undefined ? head : versionOf(b);
    const from = a === undefined ? (serving < to ? serving : Math.max(1, to - 1)) : versionOf(a);
    const diff = await readDiff(context.client, gateway, { from, to });
    context.print(diff, () => diffText(diff));
  });
}

function versionOf(text: string): number {
  if (!/^\d{1,9}$/u.test(text))
    throw fail('config', `"${text}" is no version`, { hint: '`fleetgate snapshots` lists them.' });
  return Number(text);
}
