// Reads what statuses say, and takes what has another form than expected for absent.
import { z } from 'zod';
import { badConditions, type NamedCondition } from './ground.ts';

const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().default(''),
  message: z.string().default(''),
});
const conditions = z.array(condition).default([]);
const routeSpec = z.object({ hostnames: z.array(z.string()).default([]) });
const routeStatus = z.object({ parents: z.array(z.object({ conditions })).default([]) });
const gatewayStatus = z.object({
  conditions,
  listeners: z.array(z.object({ name: z.string(), conditions })).default([]),
});

/** Reads the hostnames of a route's spec and the conditions of all of its parents. */
export function readRouteStatus(
  spec: unknown,
  status: unknown,
): { readonly hostnames: readonly string[]; readonly conditions: readonly NamedCondition[] } {
  const { data } = routeSpec.safeParse(spec);
  const parsed = routeStatus.safeParse(status);
  return {
    hostnames: data?.hostnames ?? [],
    conditions: parsed.data?.parents.flatMap((parent) => parent.conditions) ?? [],
  };
}

/** Says what is wrong with a gateway and its listeners, but for what only nodes can put right. */
export function readGatewayStatus(gateway: string, status: unknown): readonly string[] {
  const { data } = gatewayStatus.safeParse(status);
  if (data === undefined) return [];
  const own = data.conditions.filter(({ type }) => type !== 'Programmed');
  return [
    ...badConditions(own).map((text) => `Gateway ${gateway}: ${text}`),
    ...data.listeners.flatMap((listener) =>
      badConditions(listener.conditions.filter(({ type }) => type !== 'Programmed')).map(
        (text) => `listener ${listener.name} of ${gateway}: ${text}`,
      ),
    ),
  ];
}
