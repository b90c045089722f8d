// Calls the control API: each call is one request that gives a checked answer, or an error that a person understands.
import type { z } from 'zod';
import { type FleetgateError, fail, messageOf } from '#libs/runtime/errors.ts';
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

  /** Sends a GET and checks the answer by the schema. */
  async get<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>> {
    return this.#call('GET', path, undefined, schema);
  }

  /** Sends a POST and checks the answer by the schema. */
  async post<S extends z.ZodType>(path: string, body: unknown, schema: S): Promise<z.output<S>> {
    return this.#call('POST', path, body, schema);
  }

  /** Sends a DELETE and checks the answer by the schema. */
  async delete<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>> {
    return this.#call('DELETE', path, undefined, schema);
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

  async #call<S extends z.ZodType>(method: string, path: string, body: unknown, schema: S): Promise<z.output<S>> {
    const response = await this.#fetch(method, path, body, AbortSignal.timeout(requestTimeoutMs));
    if (!response.ok) throw await this.#refusal(response, path);
    const answer: unknown = response.status === 204 ? undefined : await response.json();
    const result = schema.safeParse(answer);
    if (result.success) return result.data;
    // A newer control service may say more than this command knows.
    const known = schema.safeParse(withoutUnknown(answer, result.error));
    if (known.success) return known.data;
    throw fail('control-refused', `the answer to ${path} has another form than expected (${result.error.message})`, {
      hint: 'Use the same version of command and control service; `fleetgate version` shows both.',
      cause: result.error,
    });
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
    switch (response.status) {
      case 401:
      case 403:
        return fail('control-refused', message);
      case 404:
        return fail('not-found', message, options);
      case 400:
      case 409:
      case 422:
        return fail('command-refused', message, options);
      default:
        return fail('control-unreachable', `${this.url} answered ${response.status}: ${message}`, options);
    }
  }
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

/** Reads message and hint of an error body; '' where it has none. */
function problemIn(text: string): { readonly message: string; readonly hint: string } {
  try {
    return problemBody.parse(JSON.parse(text)).error;
  } catch {
    return { message: text.slice(0, 500), hint: '' };
  }
}
