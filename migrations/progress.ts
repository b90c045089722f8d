// Lets a migration that takes long say how far it is, in the log of whoever migrates.
import { AsyncLocalStorage } from 'node:async_hooks';

/** Takes what migrations have to say. */
export interface MigrationLog {
  info(fields: Record<string, unknown>, message: string): void;
}

/** The log of the migrations that run; undefined = nobody listens. */
export const progress = new AsyncLocalStorage<MigrationLog | undefined>();
