// Reads what statuses say, and takes what has another form than expected for absent.
import { z } from 'zod';
import { badConditions, type SaidCondition } from '#libs/api/bad-conditions.ts';

const condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().default(''),
  message: z.string().default(''),
});
const conditions = z.array(condition).default([]);
const routeSpec = z.object({
  hostnames: z.array(z.string()).optional(),
  rules: z.array(z.object({ host: z.string().optional() })).optional(),
});
const parts = z.array(z.object({ conditions })).default([]);
const anyStatus = z.object({ conditions, parents: parts, gateways: parts, ancestors: parts });
const listeners = z
  .array(z.object({ name: z.string().optional(), port: z.number().optional(), conditions }))
  .default([]);
const listenerStatus = z.object({ conditions, listeners });

/** Reads the hostnames of a route's spec, which an Ingress has at its rules; none = any. */
export function readRouteHostnames(spec: unknown): readonly string[] {
  const { data } = routeSpec.safeParse(spec);
  if (data?.hostnames !== undefined) return data.hostnames;
  const hosts = data?.rules?.map(({ host }) => host) ?? [];
  return hosts.some((host) => host === undefined) ? [] : [...new Set(hosts.flatMap((host) => host ?? []))];
}

/** Reads the conditions of a status: its own, and those of all parents, older Gateways and ancestors in it. */
export function readConditions(status: unknown): readonly SaidCondition[] {
  const { data } = anyStatus.safeParse(status);
  if (data === undefined) return [];
  return [data, ...data.parents, ...data.gateways, ...data.ancestors].flatMap((part) => part.conditions);
}

/** Writes a sentence for each condition that says that something does not work, or only in part. */
export function conditionTexts(conditions: readonly SaidCondition[]): readonly string[] {
  return badConditions(conditions).map(({ type, status, reason, message }) =>
    type === 'Accepted' && status === 'True' ? message : `${type} is ${status} (${reason})${message && `: ${message}`}`,
  );
}

/** Says what is wrong with a Gateway or ListenerSet and its listeners, but for what only nodes can put right. */
export function readListenersStatus(what: string, name: string, status: unknown): readonly string[] {
  const { data } = listenerStatus.safeParse(status);
  if (data === undefined) return [];
  return [
    ...conditionTexts(data.conditions.filter(isOurs)).map((text) => `${what} ${name}: ${text}`),
    ...data.listeners.flatMap((listener) =>
      conditionTexts(listener.conditions.filter(isOurs)).map(
        (text) => `listener ${listener.name ?? `on port ${listener.port ?? 0}`} of ${name}: ${text}`,
      ),
    ),
  ];
}

/** Whether manifests alone decide it; older Gateways call `Ready` what v1 calls `Programmed`. */
function isOurs({ type }: SaidCondition): boolean {
  return type !== 'Programmed' && type !== 'Ready';
}
