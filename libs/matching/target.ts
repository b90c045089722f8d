// Finds the backends that rules name.
import type { BackendEntry } from '#libs/snapshot/entry.ts';
import type { Target } from './verdict.ts';

/** Gives a gateway's backend by its entry key. */
export type FindBackend = (key: string) => BackendEntry | undefined;

/** Says which backend a rule's choice is, and how it is spoken to, or why it is none. */
export function targetOf(choice: Target, find: FindBackend): Target {
  if ('invalid' in choice) return { invalid: choice.invalid };
  const backend = find(choice.key);
  if (backend === undefined) return { invalid: `there is no ${choice.key}` };
  return backend.tls === undefined ? { key: choice.key } : { key: choice.key, tls: backend.tls };
}
