// Reads durations of the Gateway API (GEP-2257): one to four parts like 1h30m or 500ms.

const part = /([0-9]{1,5})(h|ms|m|s)/g;
const whole = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;
const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Gives the milliseconds, or undefined for text that is no duration. */
export function durationMs(text: string): number | undefined {
  if (!whole.test(text)) return undefined;
  let sum = 0;
  for (const [, digits, unit] of text.matchAll(part)) sum += Number(digits) * (unitMs[unit ?? ''] ?? 0);
  return sum;
}
