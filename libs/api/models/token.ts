// Describes tokens; the text of one is only in the answer that made it.
import { z } from 'zod';
import { time } from './values.ts';

export const tokenRow = z
  .strictObject({ id: z.string(), name: z.string(), role: z.string(), createdAt: time, revokedAt: time.nullable() })
  .meta({ id: 'Token' });

export const newToken = z
  .strictObject({ id: z.string(), name: z.string(), role: z.string(), token: z.string().describe('Shown only here.') })
  .meta({ id: 'NewToken' });
