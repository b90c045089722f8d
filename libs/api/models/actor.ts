// Describes who changed something.
import { z } from 'zod';

export const actor = z.strictObject({ manager: z.string(), operation: z.string() }).meta({
  id: 'Actor',
  description: 'Who changed an object, from its managedFields; for commands the token and its role.',
});
