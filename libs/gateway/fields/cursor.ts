// A cursor is a place in an unknown JSON value that knows its path. Reading it gives a typed value or notes a problem;
// it never throws. null counts as absent, as in Kubernetes.
import type { Problem } from '#libs/gateway/problem.ts';
import { isRecord } from './record.ts';

export interface TextRule {
  readonly max?: number;
  readonly min?: number;
  readonly pattern?: RegExp;
  /** What the pattern wants, in words. */
  readonly expected?: string;
}

export class Cursor {
  readonly path: string;
  readonly #value: unknown;
  readonly #problems: Problem[];

  constructor(value: unknown, path: string, problems: Problem[]) {
    this.#value = value ?? undefined;
    this.path = path;
    this.#problems = problems;
  }

  get present(): boolean {
    return this.#value !== undefined;
  }

  problem(message: string): undefined {
    this.#problems.push({ path: this.path, message });
    return undefined;
  }

  /** Gives the same place, noting problems elsewhere. */
  into(problems: Problem[]): Cursor {
    return new Cursor(this.#value, this.path, problems);
  }

  /** Gives a field of this object. A place that is no object has no fields; that is noted by `object`. */
  field(name: string): Cursor {
    const path = this.path === '' ? name : `${this.path}.${name}`;
    return new Cursor(
      isRecord(this.#value) && Object.hasOwn(this.#value, name) ? this.#value[name] : undefined,
      path,
      this.#problems,
    );
  }

  /** Gives this place if it holds an object, else a problem; absent = undefined without one. */
  object(): Cursor | undefined {
    if (!this.present) return undefined;
    return isRecord(this.#value) ? this : this.problem(`must be an object, is ${typeName(this.#value)}`);
  }

  /** Gives the object that must be here. An absent one is a problem too. */
  requiredObject(): Cursor | undefined {
    return this.present ? this.object() : this.problem('is missing');
  }

  /** Gives the items of a list; absent = none. A list out of bounds is a problem and gives none. */
  items(max: number, min = 0): readonly Cursor[] {
    if (!this.present) return [];
    if (!Array.isArray(this.#value)) {
      this.problem(`must be a list, is ${typeName(this.#value)}`);
      return [];
    }
    if (this.#value.length > max) {
      this.problem(`has ${this.#value.length} items; at most ${max} are allowed`);
      return [];
    }
    if (this.#value.length < min) {
      this.problem(`has ${this.#value.length} items; at least ${min} must be there`);
      return [];
    }
    return this.#value.map((item, index) => new Cursor(item, `${this.path}[${index}]`, this.#problems));
  }

  text(rule: TextRule = {}): string | undefined {
    if (!this.present) return undefined;
    const value = this.#value;
    if (typeof value !== 'string') return this.problem(`must be a string, is ${typeName(value)}`);
    if (value.length > (rule.max ?? 4096)) return this.problem(`is longer than ${rule.max ?? 4096} characters`);
    if (value.length < (rule.min ?? 0)) return this.problem('must not be empty');
    if (rule.pattern !== undefined && !rule.pattern.test(value)) {
      return this.problem(`${JSON.stringify(value)} is not ${rule.expected ?? 'valid'}`);
    }
    return value;
  }

  requiredText(rule: TextRule = {}): string | undefined {
    return this.present ? this.text(rule) : this.problem('is missing');
  }

  /** Gives a text that says a time, such as RFC 3339, as it stands there. */
  requiredTime(): string | undefined {
    const text = this.requiredText({ min: 1, max: 64 });
    return text !== undefined && Number.isNaN(Date.parse(text)) ? this.problem('is not a time') : text;
  }

  integer(min: number, max: number): number | undefined {
    if (!this.present) return undefined;
    const value = this.#value;
    if (typeof value !== 'number' || !Number.isInteger(value))
      return this.problem(`must be an integer, is ${typeName(value)}`);
    return value < min || value > max ? this.problem(`must be between ${min} and ${max}, is ${value}`) : value;
  }

  boolean(): boolean | undefined {
    if (!this.present) return undefined;
    return typeof this.#value === 'boolean'
      ? this.#value
      : this.problem(`must be true or false, is ${typeName(this.#value)}`);
  }

  /** Reads one of a set of strings. */
  oneOf<T extends string>(allowed: readonly T[]): T | undefined {
    const value = this.text();
    if (value === undefined) return undefined;
    return (
      allowed.find((one) => one === value) ??
      this.problem(`${JSON.stringify(value)} is not supported; it is one of ${allowed.join(', ')}`)
    );
  }

  /** Gives a map of strings; absent = empty. */
  stringMap(max: number): Readonly<Record<string, string>> {
    const object = this.object();
    if (object === undefined || !isRecord(this.#value)) return {};
    const fields = Object.entries(this.#value);
    if (fields.length > max) {
      this.problem(`has ${fields.length} fields; at most ${max} are allowed`);
      return {};
    }
    const texts: [string, string][] = [];
    for (const [key, value] of fields) {
      if (typeof value === 'string') texts.push([key, value]);
      else this.problem(`${JSON.stringify(key)} must be a string, is ${typeName(value)}`);
    }
    return Object.fromEntries(texts);
  }
}

/** Gives the body of an object as a cursor, and the problems that reading it will note. */
export function openBody(
  object: { readonly [field: string]: unknown },
  field: string,
): { at: Cursor; problems: Problem[] } {
  const problems: Problem[] = [];
  return { at: new Cursor(object[field], field, problems), problems };
}

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
