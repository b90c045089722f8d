// Lists what the API answers when it does not do what was asked: a code for programs, a message and a hint for people.
import { z } from 'zod';

const problems = {
  'bad-request': { status: 400, hint: 'GET /openapi.json describes every request.' },
  unauthorized: { status: 401, hint: 'Send `Authorization: Bearer TOKEN`; `fleetgate token create` makes one.' },
  forbidden: { status: 403, hint: 'Use a token with a higher role; `fleetgate token create --role …` makes one.' },
  'not-found': { status: 404, hint: 'Check the name; the lists of the API say what there is.' },
  conflict: { status: 409, hint: 'Look at the present state and try again.' },
  expired: { status: 409, hint: 'Nothing was changed; check that the projector runs, and give the command again.' },
  'too-large': { status: 413, hint: 'Requests are small; see /openapi.json.' },
  'media-type': { status: 415, hint: 'Send JSON with `Content-Type: application/json`.' },
  'headers-too-large': { status: 431, hint: 'The line of the request and its headers may have 16 KiB together.' },
  refused: { status: 422, hint: 'The message says what stands against it.' },
  'too-many-requests': { status: 429, hint: 'Wait as long as Retry-After says.' },
  internal: { status: 500, hint: 'This is a fault in Fleetgate; its log has the details.' },
  'nats-unreachable': {
    status: 503,
    hint: 'Commands go through NATS: check that it runs and that control can reach it. Reading works without it.',
  },
  'postgres-unreachable': { status: 503, hint: 'Check that Postgres runs and that control can reach it.' },
  busy: { status: 503, hint: 'Try again later, or with another replica.' },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly hint: string }>>;

export type ProblemCode = keyof typeof problems;

/** Gives the HTTP status of a problem. */
export function statusOf(code: ProblemCode): number {
  return problems[code].status;
}

/** Says why an answer is not what was asked for. It is a value that handlers return, not an error that is thrown. */
export class Problem {
  readonly code: ProblemCode;
  readonly message: string;
  readonly hint: string;
  readonly status: number;

  constructor(code: ProblemCode, message: string, hint?: string) {
    this.code = code;
    this.message = message;
    this.hint = hint ?? problems[code].hint;
    this.status = problems[code].status;
  }

  get body(): z.input<typeof problemBody> {
    return { error: { code: this.code, message: this.message, hint: this.hint } };
  }
}

export const problemBody = z
  .strictObject({
    error: z.strictObject({
      code: z.string().describe('For programs: one of a fixed set.'),
      message: z.string().describe('What went wrong.'),
      hint: z.string().describe('What to do about it.'),
    }),
  })
  .meta({ id: 'Problem', description: 'Why a request was not done.' });
