// Reads what went wrong from the errors of the NATS client library, by their fields: only nats.ts imports the library.
import { z } from 'zod';
import { FleetgateError, messageOf } from '#libs/runtime/errors.ts';

const libraryError = z.object({
  code: z.string().optional(),
  api_error: z.object({ err_code: z.number(), description: z.string().default('') }).optional(),
});
/** Of the account (10002), of the server (10023, 10047), of the stream (10077). */
const limitCodes = [10_002, 10_023, 10_047, 10_077];

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

/** Tells the codes of limits that are reached: what was sent is refused, and is taken when there is room again. */
export function isLimit(error: unknown): boolean {
  return limitCodes.includes(apiCodeOf(error) ?? 0);
}

/** Reads the error that a stream's store keeps from the answer to a purge (10051); undefined = it is none of these. */
export function storeFaultOf(error: unknown): string | undefined {
  const answer = libraryError.safeParse(error).data?.api_error;
  return answer?.err_code === 10_051 ? answer.description : undefined;
}

/** Says in a few words what went wrong. */
export function reasonOf(error: unknown): string {
  if (error instanceof FleetgateError) return error.message;
  const { code, api_error: answer } = libraryError.safeParse(error).data ?? {};
  // An answer of JetStream says more than its code, which may be that of an answer that never came.
  if (answer !== undefined && answer.description !== '') return `${answer.description} (error ${answer.err_code})`;
  if (code === '503') return 'nobody answers there';
  if (code === 'TIMEOUT') return 'no answer in time';
  return code === undefined ? messageOf(error) : `${messageOf(error)} (${code})`;
}

function apiCodeOf(error: unknown): number | undefined {
  return libraryError.safeParse(error).data?.api_error?.err_code;
}
