// Says how long a request may take. Beside the limits of a rule there is one of Envoy: a stream on which nothing comes
// or goes for five minutes ends, or clients that stall would stay for ever. A rule that allows more than that, or says
// that nothing limits its requests, moves it.
import type { HttpRuleEntry, RetryPolicy } from '#libs/snapshot/entry.ts';
import type { ProtoMessage } from './resources.ts';

/** How long a stream may be silent where its rule allows no more. */
export const idleMs = 300_000;
/** The same for GRPCRoutes, whose streams are often silent, and which cannot say how long. */
const grpcIdleMs = 3_600_000;
const dayMs = 86_400_000;
/** The answer to a limit of the rule comes from that limit. */
const graceMs = 1000;
/** Envoy waits at most so many times the interval that is asked for (retry.ts). */
const backoffsMax = 20;
/** Attempts after the first that every scope allows (retry.ts). */
const safeAttempts = 3;

/** Gives the fields of a route action that limit a whole request. */
export function timeLimits({
  timeouts,
  retry,
  protocol,
}: Pick<HttpRuleEntry, 'timeouts' | 'retry' | 'protocol'>): ProtoMessage {
  const silentMs = protocol === 'grpc' ? grpcIdleMs : silence(timeouts, retry);
  return {
    timeout: duration(timeouts?.requestMs ?? 0),
    ...(silentMs === idleMs ? {} : { idle_timeout: duration(silentMs) }),
  };
}

/** Longer than a day is no limit, as 0 is. */
export function duration(ms: number): string {
  return ms > 0 && ms <= dayMs ? `${Math.ceil(ms) / 1000}s` : '0s';
}

/** How long nothing may come of a request that keeps to the limits of its rule; 0 = as long as it likes. */
function silence(timeouts: HttpRuleEntry['timeouts'], retry: RetryPolicy | undefined): number {
  const { requestMs, backendRequestMs } = timeouts ?? {};
  if (requestMs === 0 || (requestMs === undefined && backendRequestMs === 0)) return 0;
  if (requestMs !== undefined) return Math.max(idleMs, requestMs + graceMs);
  const waits = (retry?.attempts ?? safeAttempts) * (retry?.backoffMs ?? 0) * backoffsMax;
  if (backendRequestMs === undefined) return idleMs + waits;
  return Math.max(idleMs, backendRequestMs * (1 + (retry?.attempts ?? safeAttempts)) + waits + graceMs);
}
