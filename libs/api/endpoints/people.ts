// Says how a person is erased from the history through the API.
import { z } from 'zod';
import { type Endpoint, apiPrefix } from '#libs/api/endpoint.ts';
import { text } from '#libs/api/parameters.ts';
import { erasure } from '#libs/api/models/person.ts';

export const peopleEndpoints = {
  erasePerson: {
    method: 'POST',
    path: `${apiPrefix}/people/erase`,
    role: 'admin',
    tag: 'access',
    summary: 'Erase a name or an address of a person from the history, for good',
    description:
      'Events are not changed, and what was proven of them stays proven: they hold a salted hash of the text, and ' +
      'the text is deleted. Reasons that people wrote and objects are not touched.',
    input: z.object({
      body: z.strictObject({
        person: z
          .string()
          .min(1)
          .max(1000)
          .regex(/^[^\p{Cc}]+$/u, 'must be one line of text')
          .describe('The whole text, or `person-…` as answers show it.'),
        dryRun: z.boolean().default(true).describe('Only say what would be erased.'),
        reason: text(1000).optional().describe('For the history.'),
      }),
    }),
    returns: erasure,
    refuses: ['not-found', 'conflict'],
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
