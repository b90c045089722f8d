// Reads the few fields of Kubernetes objects and statuses that the API shows. Objects are written by anyone: what does
// not fit is left out.
import { z } from 'zod';
import { parseJson } from '#libs/gateway/fields/parse-json.ts';
import type { condition } from '#libs/api/models/condition.ts';

const text = z.string().catch('');
const textOrNull = z.string().nullable().catch(null).default(null);
const numberOrNull = z.int().nullable().catch(null).default(null);
const listOf = <T extends z.ZodType>(item: T) =>
  z
    .array(z.unknown())
    .catch([])
    .default([])
    .transform((items) =>
      items.flatMap((value) => {
        const parsed = item.safeParse(value);
        return parsed.success ? [parsed.data] : [];
      }),
    );

const conditionFields = z.object({ type: z.string(), status: text, reason: text, message: text });
const parentRef = z.object({
  group: textOrNull,
  kind: textOrNull,
  namespace: textOrNull,
  name: z.string(),
  sectionName: textOrNull,
  port: numberOrNull,
});

const routeSpec = z.object({
  metadata: z.object({ generation: numberOrNull }).catch({ generation: null }),
  spec: z
    .object({ hostnames: listOf(z.string()), parentRefs: listOf(parentRef), rules: z.array(z.unknown()).catch([]) })
    .catch({ hostnames: [], parentRefs: [], rules: [] }),
});
const routeStatus = z.object({ parents: listOf(z.object({ parentRef, conditions: listOf(conditionFields) })) });

/** What routes of older APIs have in other places. */
const olderSpec = z.object({
  spec: z.object({
    rules: listOf(
      z.object({
        host: z.string().optional().catch(undefined),
        matches: listOf(z.object({ snis: listOf(z.string()) })),
      }),
    ),
  }),
});
const olderStatus = z.object({
  gateways: listOf(z.object({ gatewayRef: parentRef, conditions: listOf(conditionFields) })),
});

const listenerSpec = z.object({ name: z.string(), port: numberOrNull, protocol: textOrNull, hostname: textOrNull });
const gatewaySpec = z.object({ spec: z.object({ listeners: listOf(listenerSpec) }).catch({ listeners: [] }) });
const gatewayStatus = z.object({
  addresses: listOf(z.object({ value: z.string() })),
  conditions: listOf(conditionFields),
  listeners: listOf(z.object({ name: z.string(), attachedRoutes: numberOrNull, conditions: listOf(conditionFields) })),
});

const noRoute: z.output<typeof routeSpec> = {
  metadata: { generation: null },
  spec: { hostnames: [], parentRefs: [], rules: [] },
};

export type ParentRef = z.output<typeof parentRef>;
export type Condition = z.input<typeof condition>;

/** Reads a route's fields from the JSON of its object. */
export function parseRoute(json: string): z.output<typeof routeSpec> {
  const parsed = routeSpec.safeParse(parseJson(json));
  return parsed.success ? parsed.data : noRoute;
}

export function parseRouteStatus(status: unknown): z.output<typeof routeStatus>['parents'] {
  const parsed = routeStatus.safeParse(status);
  return parsed.success ? parsed.data.parents : [];
}

/** Reads the hostnames of an Ingress or an old TLSRoute, which its rules have. */
export function parseRuleHostnames(json: string): string[] {
  const parsed = olderSpec.safeParse(parseJson(json));
  const rules = parsed.success ? parsed.data.spec.rules : [];
  const hosts = rules.flatMap(({ host, matches }) => [host ?? [], matches.flatMap(({ snis }) => snis)].flat());
  return [...new Set(hosts)];
}

/** Reads the status of a route of Service APIs 0.1; its conditions are called as they are now. */
export function parseOlderStatus(status: unknown): z.output<typeof routeStatus>['parents'] {
  const parsed = olderStatus.safeParse(status);
  return (parsed.success ? parsed.data.gateways : []).map(({ gatewayRef, conditions }) => ({
    parentRef: gatewayRef,
    conditions: conditions.map((one) => ({ ...one, type: newNames.get(one.type) ?? one.type })),
  }));
}

const newNames: ReadonlyMap<string, string> = new Map([
  ['Admitted', 'Accepted'],
  ['fleetgate.dev/ResolvedRefs', 'ResolvedRefs'],
]);

/** Reads a Gateway's listeners from the JSON of its object. */
export function parseListeners(json: string): readonly z.output<typeof listenerSpec>[] {
  const parsed = gatewaySpec.safeParse(parseJson(json));
  return parsed.success ? parsed.data.spec.listeners : [];
}

export function parseGatewayStatus(status: unknown): z.output<typeof gatewayStatus> {
  const parsed = gatewayStatus.safeParse(status);
  return parsed.success ? parsed.data : { addresses: [], conditions: [], listeners: [] };
}
