// `fleetgate snapshots GATEWAY`: its versions, newest first: what made each, by whom, and which one serves.
import type { Command } from 'commander';
import { z } from 'zod';
import { snapshotSummary } from '#libs/api/models.ts';
import { addClientAction, gatewayPath, readAll } from '../client/client-command.ts';
import { type Column, ago } from '../views/table.ts';

export type Snapshot = z.output<typeof snapshotSummary>;

/** Adds arguments, options and action. */
export function configureSnapshots(command: Command): void {
  command.argument('<gateway>', 'cluster/namespace/name, or the end of it where that is unique');
  addClientAction(command, z.object({}), async ({ client, now, print, table, gateway }, [name = '']) => {
    const path = gatewayPath(await gateway(name));
    const versions = await readAll(client, `${path}/snapshots`, snapshotSummary);
    print(versions, () => table(snapshotColumns(now), versions, 'no versions yet'));
  });
}

/** The columns of a table of versions. */
export function snapshotColumns(now: Date): readonly Column<Snapshot>[] {
  return [
    { title: 'VERSION', align: 'right', cell: ({ version }) => String(version) },
    { title: '', cell: ({ serving, head }) => (serving ? 'serving' : head ? 'candidate' : '') },
    { title: 'CHANGES', align: 'right', cell: ({ changes }) => String(changes) },
    { title: 'ENTRIES', align: 'right', cell: ({ entries }) => String(entries) },
    { title: 'CAUSE', cell: causeOf },
    { title: 'BY', cell: ({ actor }) => actor ?? '-' },
    { title: 'AGE', align: 'right', cell: ({ at }) => ago(at, now) },
    { title: 'DIGEST', cell: ({ digest }) => digest.slice(0, 12) },
    { title: 'REASON', cell: ({ reason }) => reason ?? '' },
  ];
}

function causeOf({ cause, ofVersion }: Snapshot): string {
  return ofVersion === null ? cause : `${cause} to ${ofVersion}`;
}
