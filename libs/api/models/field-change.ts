// Describes a field that differs between two objects.
import { z } from 'zod';

export const fieldChange = z
  .strictObject({
    path: z.string().describe('For example spec.rules[0].backendRefs[1].weight'),
    before: z.unknown().optional().describe('Absent = there was none.'),
    after: z.unknown().optional().describe('Absent = there is none.'),
  })
  .meta({ id: 'FieldChange' });
