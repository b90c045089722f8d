// Reads the moment that a person typed. Pure.
import { fail } from '#libs/runtime/errors.ts';

const unitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads RFC 3339, or how long before `now`; `option` is what it was typed for. Throws FleetgateError 'config', also for
 * a moment after now.
 */
export function readTime(option: string, text: string, now: Date): Date {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const moment = count === undefined ? Date.parse(text) : now.getTime() - Number(count) * (unitsMs[unit] ?? 0);
  if (moment > now.getTime()) {
    throw fail('config', `${option}: "${text}" is in the future; it is ${now.toISOString()}`, {
      hint: `Leave ${option} out to ask about now.`,
    });
  }
  if (!Number.isNaN(moment)) return new Date(moment);
  throw fail('config', `${option}: "${text}" is no time`, {
    hint: 'Write 2026-01-31T09:30:00Z, or how long ago: 15m, 2h, 3d.',
  });
}
