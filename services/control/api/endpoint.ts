// Joins an endpoint of the contract with what control does at it.
import type { Kysely } from 'kysely';
import type { z } from 'zod';
import { type Endpoint, type InputSchema, queryNamesOf } from '#libs/api/endpoint.ts';
import { Problem } from '#libs/api/problem.ts';
import type { Logger } from '#libs/runtime/log.ts';
import type { Database } from '#libs/runtime/postgres/database.ts';
import type { PersonalData } from '../access/personal-data.ts';
import type { Commands } from '../commands/commands.ts';
import { type ReasonPolicy, reasonProblem } from '../access/reason-policy.ts';
import type { TokenBook, Visitor } from '../access/tokens.ts';
import type { ChangeStreams } from './change-streams.ts';
import type { ClusterNames } from './cluster-names.ts';
import { unknownParameter } from './unknown-parameter.ts';

/** What handlers work with. */
export interface Api {
  readonly db: Kysely<Database>;
  readonly commands: Commands;
  readonly streams: ChangeStreams;
  readonly tokens: TokenBook;
  readonly personal: PersonalData;
  readonly names: ClusterNames;
  readonly reasons: ReasonPolicy;
  readonly log: Logger;
  readonly version: string;
}

/** Answers 202 with the body: the work goes on. */
export class Accepted<T> {
  readonly body: T;

  constructor(body: T) {
    this.body = body;
  }
}

/** A request before it is checked. */
interface RawRequest {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** An endpoint with what answers at it. */
export interface ServedEndpoint extends Endpoint {
  readonly handle: (api: Api, request: RawRequest, caller: Visitor) => Promise<unknown>;
}

const mistakesMax = 10;

/** Gives a handler what the schemas say; a request that does not fit them is answered 400 with every mistake. */
export function serve<I extends InputSchema, R extends z.ZodType, A extends z.ZodType = z.ZodNever>(
  endpoint: Endpoint<I, R, A>,
  handle: (api: Api, input: z.output<I>, caller: Visitor) => Promise<z.input<R> | Problem | Accepted<z.input<A>>>,
): ServedEndpoint {
  return {
    ...endpoint,
    async handle(api, raw, caller) {
      const unknown = unknownParameter(raw.query, queryNamesOf(endpoint));
      if (unknown !== undefined) return unknown;
      const unsaid = reasonProblem(api.reasons, endpoint, caller.role, raw);
      if (unsaid !== undefined) return unsaid;
      const parsed = endpoint.input.safeParse(raw);
      if (parsed.success) return handle(api, parsed.data, caller);
      const mistakes = parsed.error.issues.slice(0, mistakesMax);
      return new Problem(
        'bad-request',
        mistakes.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '),
      );
    },
  };
}
