// Says what a service was told: every setting by its name, as JSON, without what is secret.
import type { OptionTable } from './config.ts';

/** Gives the settings of a service that may be shown; one that was not given is left out. */
export function settingsOf(table: OptionTable, options: Readonly<Record<string, unknown>>): Record<string, string> {
  const shown = Object.entries(table).flatMap(([name, { secret }]) => {
    const value = secret === true ? undefined : options[name];
    return value === undefined ? [] : [[name, JSON.stringify(value)] as const];
  });
  return Object.fromEntries(shown);
}
