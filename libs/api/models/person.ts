// Says how the API answers to the erasure of a person.
import { z } from 'zod';

/** What is, or would be, erased, and what is not. */
export const erasure = z
  .strictObject({
    erased: z.boolean().describe('false = nothing was done: it was asked what would be.'),
    texts: z
      .array(
        z.strictObject({
          shownAs: z.string().describe('What stands for the text in every answer once it is erased.'),
          events: z.int().describe('Events in which the text stands.'),
        }),
      )
      .describe('Texts of the history: one, or several where `person-…` was asked for and several begin so.'),
    inReasons: z
      .int()
      .nullable()
      .describe('Commands and deeds whose reason has the text, which stays; null where the text itself was not given.'),
    revokedTokens: z.int().describe('Revoked tokens of that name, which are renamed.'),
    activeTokens: z.int().describe('Tokens of that name that are not revoked: what is done with them names it again.'),
  })
  .meta({ id: 'Erasure' });
