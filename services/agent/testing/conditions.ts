// Conditions for tests of statuses.

/** One as the fleet wants it: no time. */
export function condition(type: string, status: string, extra: object = {}): Readonly<Record<string, unknown>> {
  return { type, status, reason: type, message: '', observedGeneration: 1, ...extra };
}

/** The same as an API server has it. */
export function timed(type: string, status: string, lastTransitionTime: string): Readonly<Record<string, unknown>> {
  return condition(type, status, { lastTransitionTime });
}
