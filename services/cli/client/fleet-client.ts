// Calls the control API: each call is one request that gives a checked answer, or an error that a person understands.
import type { z } from 'zod';
import { type FleetgateError, fail, messageOf } from '#libs/runtime/errors.ts';
import { type Endpoint, type InputSchema, buildRequest } from '#libs/api/endpoint.ts';
import { problemBody } from '#libs/api/problem.ts';
import { type ServerEvent, ServerEventReader } from './server-events.ts';
import type { FleetAddress } from './fleet-address.ts';

const requestTimeoutMs = 30_000;

export class FleetClient {
  readonly url: string;
  readonly #token: string;

  constructor(address: FleetAddress) {
    this.url = address.url;
    this.#token = address.token;
  }

  /** Calls an endpoint and checks its answer by the schema that it has there; waits as long as it is told. */
  async call<I extends InputSchema, R extends z.ZodType, A extends z.ZodType = z.ZodNever>(
    endpoint: Endpoint<I, R, A>,
    input: z.input<I>,
    timeoutMs = requestTimeoutMs,
  ): Promise<z.output<R> | z.output<A>> {
    const { target, body } = buildRequest(endpoint, input);
    const response = await this.#fetch(endpoint.method, target, body, AbortSignal.timeout(timeoutMs));
    if (!response.ok) throw await this.#refusal(response, target);
    const answer: unknown = await response.json();
    const isAccepted = response.status === 202 && endpoint.accepts !== undefined;
    return isAccepted ? checked(endpoint.accepts, answer, target) : checked(endpoint.returns, answer, target);
  }

  /** Calls `onEvent` for each server-sent event until the signal, or until the connection ends. */
  async follow(path: string, onEvent: (event: ServerEvent) => void, signal: AbortSignal): Promise<void> {
    const response = await this.#fetch('GET', path, undefined, signal);
    if (!response.ok || response.body === null) throw await this.#refusal(response, path);
    const reader = new ServerEventReader();
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      for (const event of reader.read(chunk)) onEvent(event);
    }
  }

  async #fetch(method: string, path: string, body: unknown, signal: AbortSignal): Promise<Response> {
    const headers = { authorization: `Bearer ${this.#token}`, accept: 'application/json' };
    try {
      return await fetch(`${this.url}${path}`, {
        method,
        signal,
        ...(body === undefined
          ? { headers }
          : { headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      });
    } catch (error) {
      if (error instanceof Error && error.name === 'AbortError') throw error;
      const reason = error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error);
      throw fail('control-unreachable', `${this.url} (${reason})`, { cause: error });
    }
  }

  async #refusal(response: Response, path: string): Promise<FleetgateError> {
    const problem = problemIn(await response.text().catch(() => ''));
    const message = problem.message === '' ? `${response.status} on ${path}` : problem.message;
    const options = problem.hint === '' ? {} : { hint: problem.hint };
    if (problem.code === 'expired') return fail('not-decided', message, options);
    switch (response.status) {
      case 401:
      case 403:
        return fail('control-refused', message);
      case 404:
        return fail('not-found', message, options);
      case 400:
        return fail('config', message, options);
      case 409:
      case 422:
        return fail('command-refused', message, options);
      default:
        return fail('control-unreachable', `${this.url} answered ${response.status}: ${message}`, options);
    }
  }
}

/** Checks an answer. Throws FleetgateError 'control-refused' where it has another form than the schema. */
function checked<S extends z.ZodType>(schema: S, answer: unknown, target: string): z.output<S> {
  const result = schema.safeParse(answer);
  if (result.success) return result.data;
  // A newer control service may say more than this command knows.
  const known = schema.safeParse(withoutUnknown(answer, result.error));
  if (known.success) return known.data;
  throw fail('control-refused', `the answer to ${target} has another form than expected (${result.error.message})`, {
    hint: 'Use the same version of command and control service; `fleetgate version` shows both.',
    cause: result.error,
  });
}

/** Copies the answer without the fields that the schema does not know. */
function withoutUnknown(answer: unknown, error: z.ZodError): unknown {
  const copy = structuredClone(answer);
  for (const issue of error.issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    let at: unknown = copy;
    for (const part of issue.path) at = typeof at === 'object' && at !== null ? Reflect.get(at, part) : undefined;
    if (typeof at !== 'object' || at === null) continue;
    for (const key of issue.keys) Reflect.deleteProperty(at, key);
  }
  return copy;
}

/** Reads code, message and hint of an error body; '' where it has none. */
function problemIn(text: string): { readonly code: string; readonly message: string; readonly hint: string } {
  try {
    return problemBody.parse(JSON.parse(text)).error;
  } catch {
    return { code: '', message: text.slice(0, 500), hint: '' };
  }
}
