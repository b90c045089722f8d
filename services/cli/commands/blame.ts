// Runs `fleetgate blame OBJECT`: shows each field of an object with the change that gave it its value.
import type { Command } from 'commander';
import { z } from 'zod';
import { readObjectBlame } from '../client/fleet-reads.ts';
import { findObject } from '../client/object-history.ts';
import { objectNameText, readObjectName } from '../names/object-name.ts';
import { addClientAction } from '../shell/client-command.ts';
import { blameTable } from '../views/blame-table.ts';

/** Adds arguments, options and action. */
export function configureBlame(command: Command): void {
  command
    .argument('<object>', 'cluster/Kind/namespace/name, for example eu/HTTPRoute/shop/shop')
    .option('--field <path>', 'only fields at or below this path: spec.rules[0]');
  command.option('--recent', 'only look back some 1,500 changes, and say of the rest that it is older');
  const flags = z.object({ field: z.string().optional(), recent: z.boolean().optional() });
  addClientAction(command, flags, async ({ client, print }, [text = ''], { field, recent }) => {
    const { name, told } = await findObject(client, readObjectName('<object>', text), (one) =>
      readObjectBlame(client, one, recent === true ? 1 : undefined),
    );
    const fields = told.fields.filter(({ path }) => field === undefined || isWithin(path, field));
    const heading = `${objectNameText(name)}${told.deleted ? ' (deleted; as it was last)' : ''}`;
    print({ ...told, fields }, (look) => [heading, '', blameTable(fields, look)].join('\n'));
  });
}

function isWithin(path: string, field: string): boolean {
  return path === field || path.startsWith(`${field}.`) || path.startsWith(`${field}[`);
}
