// Runs `fleetgate history OBJECT`: shows everything that happened to one object, newest first: when, by whom, what
// changed.
import type { Command } from 'commander';
import { z } from 'zod';
import { fail } from '#libs/runtime/errors.ts';
import { findHistory } from '../client/object-history.ts';
import { objectNameText, parseObjectName } from '../names/object-name.ts';
import { addClientAction } from '../shell/client-command.ts';
import { historyTable } from '../views/history-table.ts';

/** Adds arguments, options and action. */
export function configureHistory(command: Command): void {
  command.argument('<object>', 'cluster/Kind/namespace/name, for example eu/HTTPRoute/shop/shop');
  addClientAction(command, z.object({}), async ({ client, print }, [text = '']) => {
    const parsed = parseObjectName(text);
    if ('problem' in parsed) {
      throw fail('not-found', `"${text}" is no object: ${parsed.problem}`, {
        hint: 'Objects are cluster/Kind/namespace/name, for example eu/HTTPRoute/shop/shop.',
      });
    }
    const { name, events } = await findHistory(client, parsed.name);
    print(events, (look) => [objectNameText(name), '', historyTable(events, look)].join('\n'));
  });
}
