// Shows what differs between two versions of a gateway, entry by entry and field by field. Pure.
import type { z } from 'zod';
import type { snapshotDiff } from '#libs/api/models/snapshot-diff.ts';
import { fieldLine } from './field-text.ts';

type Diff = z.output<typeof snapshotDiff>;

const marks = { added: '+', removed: '-', changed: '~' } as const;

/** Writes a line for each entry that differs, and below a changed one a line for each field. */
export function diffText({ gateway, from, to, added, removed, changed, items }: Diff): string {
  const total = `${gateway}  version ${from} → ${to}: ${added} added, ${removed} removed, ${changed} changed`;
  const lines = items.flatMap(({ key, change, fields }) => [
    `${marks[change]} ${key}`,
    ...(change === 'changed' ? fields.map((field) => `    ${fieldLine(field)}`) : []),
  ]);
  return items.length === 0 ? `${gateway}  version ${from} and ${to} are the same` : [total, '', ...lines].join('\n');
}
