// Says how the API answers what became of changes, for reports and for those who watch.
import { z } from 'zod';
import { type Endpoint, apiPrefix } from '#libs/api/endpoint.ts';
import { historyEndpoints } from './history.ts';
import { pageOf } from '#libs/api/models/page.ts';
import { reportedChange } from '#libs/api/models/report.ts';
import { limit, plainText, wholeNumberText } from '#libs/api/parameters.ts';

const sampleMax = 1000;
const { bodies: _, ...filters } = historyEndpoints.listEvents.input.shape.query.shape;

export const reportEndpoints = {
  listChanges: {
    method: 'GET',
    path: `${apiPrefix}/report`,
    role: 'viewer',
    tag: 'history',
    summary: 'Events with what became of each: versions, nodes that applied them, what rolled them back',
    description:
      'Filters and order are those of /events; a page may have fewer events than `limit`. `sample` takes so many ' +
      'changes at random of those between `since` and `until`, in one page, and always the same ones for a `seed`.',
    input: z.object({
      query: z.object({
        ...filters,
        what: z.enum(['changes', 'all']).default('changes').describe('changes = of objects, and commands.'),
        sample: wholeNumberText(1, sampleMax).optional(),
        seed: plainText.optional(),
        limit: limit(500),
      }),
    }),
    returns: pageOf(reportedChange),
    refuses: ['not-found'],
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
