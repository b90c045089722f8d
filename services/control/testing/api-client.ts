// For tests: calls the API and holds every answer against the schema that the document shows for it.
import { z } from 'zod';
import type { Fixture } from './control-fixture.ts';
import type { Role } from '../tokens.ts';
import { problemBody } from '#libs/api/problem.ts';
import { routeTable } from '../api/endpoint-table.ts';

/** Where the routes are. */
export const base = '/api/v1';
/** `METHOD path` of the routes that have answered well in this process. */
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
  const route = routeTable.find(
    (route) => route.method === method && patternOf(route.path).test(path.split('?')[0] ?? ''),
  );
  const schema = response.status === 200 ? route?.returns : response.status === 202 ? route?.accepts : problemBody;
  const check = (schema ?? z.unknown()).safeParse(parsed);
  if (!check.success) throw new Error(`${method} ${path} ${response.status}: ${z.prettifyError(check.error)}`);
  if (response.status < 300 && route !== undefined) called.add(`${method} ${route.path}`);
  return { status: response.status, headers: response.headers, body: parsed };
}

function patternOf(path: string): RegExp {
  return new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`);
}
