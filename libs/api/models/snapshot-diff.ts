// Describes what differs between two versions of a gateway.
import { z } from 'zod';
import { fieldChange } from './field-change.ts';
import { gatewayId, version } from './values.ts';

export const entryChange = z
  .strictObject({
    key: z.string(),
    change: z.enum(['added', 'removed', 'changed']),
    before: z.unknown().describe('null = there was none.'),
    after: z.unknown().describe('null = there is none.'),
    fields: z.array(fieldChange),
  })
  .meta({ id: 'EntryChange' });

export const snapshotDiff = z
  .strictObject({
    gateway: gatewayId,
    from: version,
    to: version,
    added: z.int(),
    removed: z.int(),
    changed: z.int(),
    items: z.array(entryChange),
    next: z.string().nullable(),
  })
  .meta({ id: 'SnapshotDiff', description: 'What changed from one version to another; a page of it, by key.' });
