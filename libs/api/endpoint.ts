// Says what an endpoint of the API is, for the server that answers at it and for clients that call it.
import { z } from 'zod';
import type { ProblemCode } from './problem.ts';
import type { Role } from './role.ts';

/**
 * Says what a request has. What paths and queries hold is text; parameters of the query that are not named here are
 * refused.
 */
export type InputSchema = z.ZodObject<{ params?: z.ZodType; query?: z.ZodObject; body?: z.ZodType }>;

/** One row of the table of endpoints. */
export interface Endpoint<
  I extends InputSchema = InputSchema,
  R extends z.ZodType = z.ZodType,
  A extends z.ZodType = z.ZodType,
> {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** With its parameters as `:name`. */
  readonly path: string;
  /** The least role that may call it. */
  readonly role: Role;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly input: I;
  /** Body of 200. */
  readonly returns: R;
  /** Body of 202, where work may go on. */
  readonly accepts?: A;
  /** What it may refuse beside what every endpoint does (`refusedEverywhere`) and what a request with a body meets. */
  readonly refuses?: readonly ProblemCode[];
}

/** What every endpoint may refuse. */
export const refusedEverywhere = [
  'bad-request',
  'unauthorized',
  'forbidden',
  'too-many-requests',
  'headers-too-large',
  'internal',
  'postgres-unreachable',
] as const satisfies readonly ProblemCode[];
const refusedBodies = ['too-large', 'media-type'] as const satisfies readonly ProblemCode[];

/** Lists every problem that an endpoint may answer. */
export function refusalsOf({ method, refuses = [] }: Endpoint): readonly ProblemCode[] {
  return [...refusedEverywhere, ...(method === 'GET' ? [] : refusedBodies), ...refuses];
}

/** Names the parameters of the query that an endpoint knows. */
export function queryNamesOf({ input }: Endpoint): readonly string[] {
  return Object.keys(input.shape.query?.shape ?? {});
}

export const apiPrefix = '/api/v1';
export const gatewayAt = `${apiPrefix}/gateways/:cluster/:namespace/:name` as const;
/** Gives server-sent events with what changes in the fleet; it is no row of the table, because it has no end. */
export const changesPath = `${apiPrefix}/changes`;

const inputParts = z.object({
  params: z.record(z.string(), z.string()).default({}),
  query: z.record(z.string(), z.string().optional()).default({}),
  body: z.unknown().optional(),
});

/**
 * Builds the target and the body of a request that calls the endpoint. Throws where a parameter of the path is missing.
 */
export function buildRequest<I extends InputSchema>(
  { path }: Endpoint<I>,
  input: z.input<I>,
): { readonly target: string; readonly body: unknown } {
  const { params, query, body } = inputParts.parse(input);
  const filled = path.replaceAll(/:(\w+)/g, (_, name: string) => {
    const value = params[name];
    if (value === undefined) throw new TypeError(`${path} needs ${name}`);
    return encodeURIComponent(value);
  });
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return { target: given.length === 0 ? filled : `${filled}?${given.join('&')}`, body };
}
