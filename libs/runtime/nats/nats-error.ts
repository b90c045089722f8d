// Reads what went wrong from the errors of the NATS client library, by their fields: only nats.ts imports the library.
import { z } from 'zod';
import { FleetgateError, messageOf } from '#libs/runtime/errors.ts';

const libraryError = z.object({
  code: z.string().optional(),
  api_error: z.object({ err_code: z.number() }).optional(),
});

/** Tells the codes of a stream (10059) or consumer (10014) that is not found. */
export function isMissing(error: unknown): boolean {
  return [10_059, 10_014].includes(apiCodeOf(error) ?? 0);
}

/** Tells the code of a message that the stream does not hold (10037). */
export function isNoMessage(error: unknown): boolean {
  return apiCodeOf(error) === 10_037;
}

/** Tells the code of a stream whose name is in use with a different configuration (10058). */
export function isNotFoundOrTaken(error: unknown): boolean {
  return apiCodeOf(error) === 10_058;
}

/** Says in a few words what went wrong. */
export function reasonOf(error: unknown): string {
  if (error instanceof FleetgateError) return error.message;
  const code = libraryError.safeParse(error).data?.code;
  if (code === '503') return 'nobody answers there';
  if (code === 'TIMEOUT') return 'no answer in time';
  return code === undefined ? messageOf(error) : `${messageOf(error)} (${code})`;
}

function apiCodeOf(error: unknown): number | undefined {
  return libraryError.safeParse(error).data?.api_error?.err_code;
}
