// Describes a condition of a Kubernetes status.
import { z } from 'zod';

export const condition = z
  .strictObject({ type: z.string(), status: z.string(), reason: z.string(), message: z.string() })
  .meta({ id: 'Condition' });
