// Decides who may call: by the bearer token, its role, and how often it has called.
import type { FastifyRequest } from 'fastify';
import { Problem } from '#libs/api/problem.ts';
import type { Role } from '#libs/api/role.ts';
import type { CountedDeeds } from './counted-deeds.ts';
import { type TokenBook, type Visitor, bearerOf, hasRole } from './tokens.ts';
import { RateLimit } from './rate-limit.ts';

/** Tries with bad tokens, per address. */
const failuresPerSecond = 2;
const failuresBurst = 20;
const burstSeconds = 2;

/** Says why a request is refused; `retryAfter` is in seconds, null = waiting does not help. */
export interface Refused {
  readonly problem: Problem;
  readonly retryAfter: number | null;
}

export class Access {
  readonly #tokens: TokenBook;
  readonly #counted: CountedDeeds;
  readonly #requests: RateLimit;
  readonly #failures = new RateLimit(failuresPerSecond, failuresBurst);

  constructor(tokens: TokenBook, requestsPerSecond: number, counted: CountedDeeds) {
    this.#tokens = tokens;
    this.#counted = counted;
    this.#requests = new RateLimit(requestsPerSecond, requestsPerSecond * burstSeconds);
  }

  /** Finds the caller, or says why the request goes no further. */
  async admit(
    request: Pick<FastifyRequest['raw'], 'headers' | 'socket'>,
    role: Role,
  ): Promise<{ readonly caller: Visitor } | Refused> {
    const now = performance.now();
    const address = request.socket.remoteAddress ?? '';
    const token = bearerOf(request.headers.authorization);
    // Each token is looked up, also where many tries from the same address have failed: who has a good one may share
    // the address (a NAT, a proxy) with who guesses. A wrong one is answered more slowly, and costs next to nothing.
    if (token === undefined) return unauthorized('there is no bearer token');
    const caller = await this.#tokens.verify(token);
    if (caller === undefined) {
      this.#counted.count({ type: 'logins-refused', actor: null, subject: '', address });
      const wait = this.#failures.take(address, now);
      return wait > 0 ? tooMany(wait) : unauthorized('the token is unknown or revoked');
    }
    const wait = this.#requests.take(caller.tokenId, now);
    if (wait > 0) return tooMany(wait);
    if (hasRole(caller, role)) return { caller: { ...caller, address: address === '' ? 'unknown' : address } };
    const { name, role: has } = caller;
    this.#counted.count({ type: 'requests-denied', actor: { name, role: has }, subject: role, address });
    const message = `this needs the role ${role}, and the token "${caller.name}" has ${caller.role}`;
    return { problem: new Problem('forbidden', message), retryAfter: null };
  }

  /** Counts that a caller reads the history, for the history. */
  noteReading({ name, role, address }: Visitor, endpoint: string): void {
    this.#counted.count({ type: 'history-read', actor: { name, role }, subject: endpoint, address });
  }
}

function unauthorized(message: string): Refused {
  return { problem: new Problem('unauthorized', message), retryAfter: null };
}

function tooMany(retryAfter: number): Refused {
  return { problem: new Problem('too-many-requests', 'too many requests'), retryAfter };
}
