// Describes whose token a request came with.
import { z } from 'zod';

export const whoAmI = z
  .strictObject({ name: z.string(), role: z.string(), tokenId: z.string(), version: z.string() })
  .meta({ id: 'WhoAmI' });
