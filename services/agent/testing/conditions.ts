// Builds conditions for tests of statuses.

/** Builds a condition as the fleet wants it, without a time. */
export function condition(type: string, status: string, extra: object = {}): Readonly<Record<string, unknown>> {
  return { type, status, reason: type, message: '', observedGeneration: 1, ...extra };
}

/** Builds the same as an API server has it. */
export function timed(type: string, status: string, lastTransitionTime: string): Readonly<Record<string, unknown>> {
  return condition(type, status, { lastTransitionTime });
}
