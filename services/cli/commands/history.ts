// Runs `fleetgate history OBJECT`: shows everything that happened to one object, newest first: when, by whom, what
// changed.
import type { Command } from 'commander';
import { z } from 'zod';
import { readObjectHistory } from '../client/fleet-reads.ts';
import { findObject } from '../client/object-history.ts';
import { objectNameText, readObjectName } from '../names/object-name.ts';
import { addClientAction } from '../shell/client-command.ts';
import { historyTable } from '../views/history-table.ts';

/** Adds arguments, options and action. */
export function configureHistory(command: Command): void {
  command.argument('<object>', 'cluster/Kind/namespace/name, for example eu/HTTPRoute/shop/shop');
  addClientAction(command, z.object({}), async ({ client, print }, [text = '']) => {
    const { name, told } = await findObject(client, readObjectName('<object>', text), (one) =>
      readObjectHistory(client, one),
    );
    print(told, (look) => [objectNameText(name), '', historyTable(told, look)].join('\n'));
  });
}
