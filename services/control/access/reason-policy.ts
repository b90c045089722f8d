// Says what control wants to be told with what changes something: a reason of some roles, and tickets of one form.
import { z } from 'zod';
import type { Endpoint } from '#libs/api/endpoint.ts';
import { Problem } from '#libs/api/problem.ts';
import type { Role } from '#libs/api/role.ts';

/** Says who must give reasons, and what the whole of a ticket must match; undefined = anything. */
export interface ReasonPolicy {
  readonly requireReason: readonly Role[];
  readonly ticketPattern: string | undefined;
}

const told = z.object({
  reason: z.string().optional().catch(undefined),
  ticket: z.string().optional().catch(undefined),
  dryRun: z.boolean().optional().catch(undefined),
});

/** Says what is missing in a request that changes something; undefined = nothing is. */
export function reasonProblem(
  { requireReason, ticketPattern }: ReasonPolicy,
  endpoint: Endpoint,
  role: Role,
  { query, body }: { readonly query: unknown; readonly body: unknown },
): Problem | undefined {
  if (endpoint.method === 'GET' || !takes(endpoint, 'reason')) return undefined;
  const [ofQuery, ofBody] = [told.safeParse(query).data, told.safeParse(body).data];
  // What only says what would be done changes nothing.
  if (takes(endpoint, 'dryRun') && ofBody?.dryRun !== false) return undefined;
  const reason = ofBody?.reason ?? ofQuery?.reason;
  const ticket = ofBody?.ticket ?? ofQuery?.ticket;
  if (requireReason.includes(role) && (reason === undefined || reason.trim() === ''))
    return new Problem(
      'refused',
      `the role ${role} must say why here`,
      'Give the reason with --reason TEXT (`reason`).',
    );
  if (ticketPattern === undefined || ticket === undefined || isOfForm(ticket, ticketPattern)) return undefined;
  return new Problem(
    'refused',
    `"${ticket}" is no ticket: it must match ${ticketPattern}`,
    'Correct it, or leave it out.',
  );
}

function isOfForm(ticket: string, pattern: string): boolean {
  return new RegExp(`^(?:${pattern})$`, 'u').test(ticket);
}

function takes({ input }: Endpoint, field: string): boolean {
  const { query, body } = input.shape;
  return [query, body].some((part) => part instanceof z.ZodObject && field in part.shape);
}
