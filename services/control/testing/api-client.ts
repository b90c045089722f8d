// For tests: calls the API and holds every answer against the schema that the document shows for it.
import { z } from 'zod';
import type { Fixture } from './control-fixture.ts';
import type { Role } from '#libs/api/role.ts';
import { type Endpoint, apiPrefix, refusalsOf } from '#libs/api/endpoint.ts';
import { endpoints } from '#libs/api/endpoints.ts';
import { problemBody, statusOf } from '#libs/api/problem.ts';

/** Where the endpoints are. */
export const base = apiPrefix;
/** `METHOD path` of the endpoints that have answered well in this process. */
export const called = new Set<string>();

/** One answer, its body parsed. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: z.output<typeof json>;
}

/** A JSON object of any shape. */
export const json = z.record(z.string(), z.any());

/** Calls, and checks the body against the schema that the document shows for it. */
export async function call(
  { url, tokens }: Fixture,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  role: Role | null = 'viewer',
  body?: unknown,
): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      ...(role === null ? {} : { authorization: `Bearer ${tokens[role]}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const parsed = json.parse(await response.json());
  const [target = ''] = path.split('?');
  const endpoint = endpointAt(method, target);
  if (endpoint !== undefined && !statusesOf(endpoint).includes(response.status))
    throw new Error(`${method} ${path}: the document has no ${response.status}: ${JSON.stringify(parsed)}`);
  const check = answerSchema(endpoint, response.status).safeParse(parsed);
  if (!check.success) throw new Error(`${method} ${path} ${response.status}: ${z.prettifyError(check.error)}`);
  if (response.status < 300 && endpoint !== undefined) called.add(`${method} ${endpoint.path}`);
  return { status: response.status, headers: response.headers, body: parsed };
}

/** Gives the schema of the body that the document shows for a path of its own (`/…/{name}`). */
export function schemaOf(method: string, documentedPath: string, status: number): z.ZodType {
  return answerSchema(endpointAt(method, documentedPath), status);
}

function endpointAt(method: string, target: string): Endpoint | undefined {
  return Object.values<Endpoint>(endpoints).find(
    (endpoint) => endpoint.method === method && patternOf(endpoint.path).test(target),
  );
}

function answerSchema(endpoint: Endpoint | undefined, status: number): z.ZodType {
  if (status >= 400) return problemBody;
  return (status === 202 ? endpoint?.accepts : endpoint?.returns) ?? z.unknown();
}

function statusesOf(endpoint: Endpoint): readonly number[] {
  return [200, ...(endpoint.accepts === undefined ? [] : [202]), ...refusalsOf(endpoint).map(statusOf)];
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`);
}
