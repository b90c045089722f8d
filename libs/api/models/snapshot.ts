// Describes the versions of a gateway.
import { z } from 'zod';
import { seq, time } from './values.ts';

export const snapshotSummary = z
  .strictObject({
    version: z.int(),
    digest: z.string(),
    entries: z.int(),
    changes: z.int().describe('Entries that differ from the version before.'),
    cause: z.string(),
    ofVersion: z.int().nullable().describe('The version that a rollback went back to.'),
    seq,
    at: time,
    actor: z.string().nullable(),
    approver: z.string().nullable().describe('Who confirmed what the actor requested; null = nobody had to.'),
    reason: z.string().nullable(),
    serving: z.boolean(),
    head: z.boolean(),
  })
  .meta({ id: 'Snapshot', description: 'One immutable version of a gateway.' });

const entry = z
  .strictObject({
    key: z.string(),
    hash: z.string(),
    entry: z.unknown().describe('The entry, as nodes get it.'),
    ready: z.int().nullable().describe('Of a backend: how many endpoints are ready now. null = it is no backend.'),
  })
  .meta({ id: 'Entry' });

export const snapshotDetail = snapshotSummary
  .extend({ items: z.array(entry), next: z.string().nullable() })
  .meta({ id: 'SnapshotDetail', description: 'One version with a page of its entries, by key.' });
