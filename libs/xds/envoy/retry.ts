// Says which attempts are made again. Without a word of the user, these are requests that can be sent again without
// anything being done twice; with one, the same, what a gRPC backend refuses as unavailable, the status codes that are
// named, and attempts whose time is over.
import type { RetryPolicy } from '#libs/snapshot/entry.ts';
import type { ProtoMessage } from './resources.ts';

const previousHosts: ProtoMessage = {
  host_selection_retry_max_attempts: 5,
  retry_host_predicate: [
    {
      name: 'envoy.retry_host_predicates.previous_hosts',
      typed_config: {
        '@type': 'type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate',
      },
    },
  ],
};

/** Of every scope: the request has not reached a backend. */
export const safeRetries: ProtoMessage = {
  retry_on: 'connect-failure,refused-stream,reset-before-request',
  num_retries: 3,
  retry_back_off: { base_interval: '0.01s', max_interval: '0.1s' },
  ...previousHosts,
};

const attemptsMax = 1000;
const backoffMaxMs = 3_600_000;

/**
 * Gives the retry policy of a route, or none where that of its scope does. `perTry` = how long one attempt may take.
 */
export function retryFields(policy: RetryPolicy | undefined, perTry: string | undefined): ProtoMessage {
  if (policy === undefined && perTry === undefined) return {};
  return {
    retry_policy: {
      ...(policy === undefined ? safeRetries : chosenRetries(policy, perTry !== undefined)),
      ...(perTry === undefined ? {} : { per_try_timeout: perTry }),
    },
  };
}

/**
 * Tries again what no backend has taken, and the codes that are named (GEP-1731). Envoy does not tell an attempt whose
 * time is over from one whose connection was reset after it was sent: a rule that limits its attempts gets both again.
 */
function chosenRetries({ codes, attempts, backoffMs }: RetryPolicy, isTimed: boolean): ProtoMessage {
  const count = Math.min(Math.max(0, Math.floor(attempts)), attemptsMax);
  // In place of the policy of the scope, which tries again.
  if (count === 0) return { num_retries: 0 };
  const usable = codes.filter((code) => Number.isInteger(code) && code >= 100 && code <= 599);
  const failures = `connect-failure,refused-stream,${isTimed ? 'reset' : 'reset-before-request'},unavailable`;
  return {
    retry_on: usable.length === 0 ? failures : `${failures},retriable-status-codes`,
    ...(usable.length === 0 ? {} : { retriable_status_codes: usable }),
    num_retries: count,
    retry_back_off: backOff(backoffMs),
    ...previousHosts,
  };
}

/**
 * Envoy waits for a random part of the interval, which doubles each time: twice what is asked for is what is asked for
 * on average.
 */
function backOff(backoffMs: number | undefined): ProtoMessage {
  if (backoffMs === undefined || backoffMs <= 0) return { base_interval: '0.025s', max_interval: '0.25s' };
  const base = Math.ceil(Math.min(backoffMs, backoffMaxMs) * 2);
  return { base_interval: `${base / 1000}s`, max_interval: `${(base * 10) / 1000}s` };
}
