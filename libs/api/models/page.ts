// Describes a page of a list.
import { z } from 'zod';

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.strictObject({
    items: z.array(item),
    next: z.string().nullable().describe('Give it as `after` to read on; null = that was all.'),
  });
