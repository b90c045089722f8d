// Describes projectors: which one writes, and which ones stand by.
import { z } from 'zod';
import { ageMs, time } from './values.ts';

export const projector = z
  .strictObject({
    projector: z.string(),
    host: z.string(),
    pid: z.int(),
    version: z.string(),
    status: z
      .enum(['leading', 'loading', 'standing by', 'silent'])
      .describe('What it does by what it said last; silent = its lease is over, or it was not heard of for a while.'),
    leads: z.boolean().describe('Whether it is the one writer now; while it loads it is about to be.'),
    since: time.describe('Since when it does that; of a silent one, when it was heard of last.'),
    lastSeen: time,
    ageMs,
    leaseUntil: time.nullable().describe('When a standby may take over from it; null while it stands by.'),
    problems: z.array(z.string()).describe('What keeps it from its work.'),
  })
  .meta({ id: 'Projector', description: 'One process that writes the history and builds snapshots, or stands by.' });
