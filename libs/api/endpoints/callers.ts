// Says what a caller may ask about itself.
import { z } from 'zod';
import { type Endpoint, apiPrefix } from '#libs/api/endpoint.ts';
import { whoAmI } from '#libs/api/models/caller.ts';

export const callersEndpoints = {
  readWhoAmI: {
    method: 'GET',
    path: `${apiPrefix}/whoami`,
    role: 'viewer',
    tag: 'access',
    summary: 'Whose token this is, and what it may do',
    input: z.object({}),
    returns: whoAmI,
  },
} as const satisfies Readonly<Record<string, Endpoint>>;
