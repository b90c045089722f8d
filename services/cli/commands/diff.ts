// `fleetgate diff GATEWAY [A [B]]`: what differs between two versions, entry by entry and field by field.
import type { Command } from 'commander';
import { z } from 'zod';
import { gatewayDetail, snapshotDiff } from '#libs/api/models.ts';
import { addClientAction, gatewayPath } from '../client/client-command.ts';
import { fieldLine } from '../views/field-text.ts';
import type { FleetClient } from '../client/fleet-client.ts';
import { fail } from '#libs/runtime/errors.ts';

type Diff = z.output<typeof snapshotDiff>;

const marks = { added: '+', removed: '-', changed: '~' } as const;

/** Adds arguments, options and action. */
export function configureDiff(command: Command): void {
  command
    .argument('<gateway>', 'cluster/namespace/name, or the end of it where that is unique')
    .argument('[a]', 'from this version (default: the serving one while pinned, else the one before B)')
    .argument('[b]', 'to this version (default: the newest)');
  addClientAction(command, z.object({}), async ({ client, print, gateway }, [name = '', a, b]) => {
    const path = gatewayPath(await gateway(name));
    const { head, serving } = await client.get(path, gatewayDetail);
    const to = b === undefined ? head : versionOf(b);
    const from = a === undefined ? (serving < to ? serving : Math.max(1, to - 1)) : versionOf(a);
    const diff = await readDiff(client, `${path}/diff?from=${from}&to=${to}`);
    print(diff, () => diffText(diff));
  });
}

/** The text of a difference. */
export function diffText({ gateway, from, to, added, removed, changed, items }: Diff): string {
  const total = `${gateway}  version ${from} → ${to}: ${added} added, ${removed} removed, ${changed} changed`;
  const lines = items.flatMap(({ key, change, fields }) => [
    `${marks[change]} ${key}`,
    ...(change === 'changed' ? fields.map((field) => `    ${fieldLine(field)}`) : []),
  ]);
  return items.length === 0 ? `${gateway}  version ${from} and ${to} are the same` : [total, '', ...lines].join('\n');
}

async function readDiff(client: FleetClient, path: string): Promise<Diff> {
  let diff = await client.get(path, snapshotDiff);
  while (diff.next !== null) {
    const more = await client.get(`${path}&after=${encodeURIComponent(diff.next)}`, snapshotDiff);
    diff = { ...more, items: [...diff.items, ...more.items] };
  }
  return diff;
}

function versionOf(text: string): number {
  if (!/^\d{1,9}$/u.test(text))
    throw fail('config', `"${text}" is no version`, { hint: '`fleetgate snapshots` lists them.' });
  return Number(text);
}
