// What a route of the API is. The schemas that check a request are the ones that the OpenAPI document shows.
import type { Kysely } from 'kysely';
import type { z } from 'zod';
import type { Database } from '#libs/runtime/postgres/database.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { Caller, Role, TokenBook } from '../tokens.ts';
import type { ChangeStreams } from './change-streams.ts';
import type { Commands } from '../commands/commands.ts';
import { Problem } from '#libs/api/problem.ts';

/** What handlers work with. */
export interface Api {
  readonly db: Kysely<Database>;
  readonly commands: Commands;
  readonly streams: ChangeStreams;
  readonly tokens: TokenBook;
  readonly log: Logger;
  readonly version: string;
}

/** Work that goes on: 202 with the body. */
export class Accepted<T> {
  readonly body: T;

  constructor(body: T) {
    this.body = body;
  }
}

export interface RawRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** What a route takes; parts that it does not name are not looked at. */
export type InputSchema = z.ZodObject<{ params?: z.ZodType; query?: z.ZodType; body?: z.ZodType }>;

/** One row of the table of routes. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** The least role that may call it. */
  readonly role: Role;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string | undefined;
  readonly input: InputSchema;
  /** Body of 200. */
  readonly returns: z.ZodType;
  /** Body of 202, where work may go on. */
  readonly accepts?: z.ZodType | undefined;
  readonly handle: (api: Api, request: RawRequest, caller: Caller) => Promise<unknown>;
}

type RouteOf<I extends InputSchema, R extends z.ZodType, A extends z.ZodType> = Omit<
  ApiRoute,
  'input' | 'returns' | 'accepts' | 'handle'
> & {
  /** Below /api/v1, parameters as `:name`. */
  readonly path: string;
  readonly input: I;
  readonly returns: R;
  readonly accepts?: A;
  readonly handle: (
    api: Api,
    input: z.output<I>,
    caller: Caller,
  ) => Promise<z.input<R> | Problem | Accepted<z.input<A>>>;
};

export const apiPrefix = '/api/v1';
const mistakesMax = 10;

/** A route whose handler gets what its schemas say; a request that does not fit them is answered 400 with every mistake. */
export function defineRoute<I extends InputSchema, R extends z.ZodType, A extends z.ZodType = z.ZodNever>(
  route: RouteOf<I, R, A>,
): ApiRoute {
  return {
    ...route,
    path: `${apiPrefix}${route.path}`,
    async handle(api, raw, caller) {
      const parsed = route.input.safeParse(raw);
      if (parsed.success) return route.handle(api, parsed.data, caller);
      const mistakes = parsed.error.issues.slice(0, mistakesMax);
      return new Problem(
        'bad-request',
        mistakes.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
      );
    },
  };
}
