// Describes how a node rejected a version.
import { z } from 'zod';
import { ageMs, time } from './values.ts';

export const rejection = z
  .strictObject({ version: z.int(), reasons: z.array(z.string()), at: time, ageMs })
  .meta({ id: 'Rejection' });
