// Reads configuration from flags and environment: one table per service gives options, help and validation. A flag
// wins over the environment, the environment over the default. All mistakes are reported at once. There is no
// configuration file.
import { Command, Option } from 'commander';
import { z } from 'zod';
import { fail, messageOf } from './errors.ts';

export interface OptionSpec {
  /** As commander writes it: `--port <port>`, `--cluster <name...>` (repeatable), `--pretty`. */
  readonly flag: string;
  readonly env?: string;
  /** Gets the text of flag or environment (a list for repeatable flags, true for a flag without a value). */
  readonly schema: z.ZodType;
  readonly description: string;
  /** In the form that the flag has; validated like the flag. */
  readonly default?: string | boolean | readonly string[];
  /** Its value is never printed. */
  readonly secret?: true;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

export type Options<T extends OptionTable> = { readonly [K in keyof T]: z.output<T[K]['schema']> };

/** Checks a table: each name is the camel case of its flag, and no flag or variable occurs twice. */
export function defineOptions<const T extends OptionTable>(table: T): T {
  const seen = new Set<string>();
  for (const [name, spec] of Object.entries(table)) {
    const attribute = new Option(spec.flag).attributeName();
    if (attribute !== name) throw new TypeError(`option ${name} has the flag ${spec.flag}`);
    for (const key of spec.env === undefined ? [spec.flag] : [spec.flag, spec.env]) {
      if (seen.has(key)) throw new TypeError(`${key} occurs twice`);
      seen.add(key);
    }
  }
  return table;
}

/** Validates the options; `flags` is keyed by option name. Throws FleetgateError 'config' that lists every mistake. */
export function readOptions<T extends OptionTable>(
  table: T,
  flags: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string | undefined>>,
): Options<T> {
  const mistakes: string[] = [];
  const entries = Object.entries(table).map(([name, spec]) => [name, readOption(spec, flags[name], env, mistakes)]);
  if (mistakes.length > 0) {
    throw fail('config', mistakes.length === 1 ? `${mistakes[0]}` : mistakes.map((line) => `\n  ${line}`).join(''));
  }
  return parseOptions<T>(entries);
}

/** Adds the table's options to a command. Read them with `readOptions(table, command.opts(), env)`. */
export function addOptions(command: Command, table: OptionTable): Command {
  for (const spec of Object.values(table)) command.addOption(new Option(spec.flag, describe(spec)));
  return command;
}

/** Reads the options of a program without subcommands; `--help` prints and exits. */
export function parseConfig<T extends OptionTable>(
  table: T,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  about: { readonly name: string; readonly description?: string },
): Options<T> {
  const command = new Command(about.name).description(about.description ?? '').allowExcessArguments(false);
  addOptions(command, table).parse([...argv], { from: 'user' });
  return readOptions(table, command.opts(), env);
}

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Takes `250ms`, `10s`, `5m`, `1h` or `7d`; gives milliseconds. */
export function duration(bounds: { readonly minMs?: number; readonly maxMs?: number } = {}): z.ZodType<number> {
  return z.string().transform((text, context) => {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
    const value = match ? Math.round(Number(match[1]) * (durationUnits[match[2] ?? ''] ?? Number.NaN)) : Number.NaN;
    if (Number.isNaN(value)) return issue(context, 'is no duration such as 250ms, 10s, 5m or 1h');
    if (value < (bounds.minMs ?? 0) || value > (bounds.maxMs ?? Number.MAX_SAFE_INTEGER)) {
      return issue(context, `must be between ${bounds.minMs ?? 0}ms and ${bounds.maxMs ?? 'any number of '}ms`);
    }
    return value;
  });
}

/** Takes a whole number within bounds. */
export function integer(bounds: { readonly min?: number; readonly max?: number } = {}): z.ZodType<number> {
  const min = bounds.min ?? Number.MIN_SAFE_INTEGER;
  const max = bounds.max ?? Number.MAX_SAFE_INTEGER;
  return z.string().transform((text, context) => {
    const value = /^-?\d+$/.test(text.trim()) ? Number(text) : Number.NaN;
    if (Number.isNaN(value)) return issue(context, 'is no whole number');
    if (value < min || value > max) return issue(context, `must be between ${min} and ${max}`);
    return value;
  });
}

/** Takes a TCP port; 0 = any free one. */
export function port(): z.ZodType<number> {
  return integer({ min: 0, max: 65_535 });
}

/** Takes a flag without a value; in the environment true/false, 1/0, yes/no, on/off. Absent = false. */
export function flag(): z.ZodType<boolean> {
  return z.union([z.boolean(), z.string(), z.undefined()]).transform((value, context) => {
    if (typeof value !== 'string') return value ?? false;
    const text = value.trim().toLowerCase();
    if (['true', '1', 'yes', 'on'].includes(text)) return true;
    if (['false', '0', 'no', 'off'].includes(text)) return false;
    return issue(context, 'must be true or false');
  });
}

/** Takes a repeatable flag, or a list with commas in the environment. Absent = empty. */
export function list(max = 1000): z.ZodType<readonly string[]> {
  return z.union([z.string(), z.array(z.string()), z.undefined()]).transform((value, context) => {
    const items = (typeof value === 'string' ? value.split(',') : (value ?? []))
      .map((item) => item.trim())
      .filter((item) => item !== '');
    return items.length > max ? issue(context, `has more than ${max} items`) : items;
  });
}

/** Takes a list of known words, in one text with commas or a repeated flag. Absent = empty. */
export function words<W extends string>(known: readonly W[]): z.ZodType<readonly W[]> {
  return list().transform((items, context) => {
    const given = items.flatMap((item) => item.split(',').map((word) => word.trim()));
    const strange = given.find((word) => !known.some((one) => one === word));
    if (strange !== undefined) return issue(context, `"${strange}" is not one of ${known.join(', ')}`);
    return known.filter((word) => given.includes(word));
  });
}

/** Takes the source of a regular expression. */
export function pattern(): z.ZodType<string> {
  return z.string().transform((source, context) => {
    try {
      return new RegExp(source, 'u').source;
    } catch (error) {
      return issue(context, messageOf(error));
    }
  });
}

/** Takes text that is not empty. */
export function text(): z.ZodType<string> {
  return z.string().min(1, 'must not be empty');
}

/** Takes a URL with one of the protocols (without colon). */
export function url(...protocols: readonly string[]): z.ZodType<string> {
  return z.string().refine((value) => isUrl(value, protocols), `must be a URL${beginning(protocols)}`);
}

/** Takes one or more URLs with one of the protocols: a flag that is repeated, or a list with commas. */
export function urls(max: number, ...protocols: readonly string[]): z.ZodType<readonly string[]> {
  return list(max).transform((items, context) => {
    const parts = items.flatMap((item) => item.split(',')).map((part) => part.trim());
    if (parts.length === 0 || !parts.every((part) => isUrl(part, protocols))) {
      return issue(context, `must be one or more URLs${beginning(protocols)}`);
    }
    return parts.length > max ? issue(context, `has more than ${max} items`) : parts;
  });
}

function isUrl(text: string, protocols: readonly string[]): boolean {
  const parsed = URL.parse(text);
  // A host with a comma is a list of URLs that was taken for one.
  if (parsed === null || parsed.host.includes(',')) return false;
  return protocols.length === 0 || protocols.includes(parsed.protocol.slice(0, -1));
}

function beginning(protocols: readonly string[]): string {
  return protocols.length === 0 ? '' : ` that starts with ${protocols.map((name) => `${name}://`).join(' or ')}`;
}

/** Takes a DNS label, such as the name of a cluster. */
export function dnsLabel(): z.ZodType<string> {
  return z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be a DNS label: lower-case letters, digits and -, at most 63');
}

function readOption(
  spec: OptionSpec,
  given: unknown,
  env: Readonly<Record<string, string | undefined>>,
  mistakes: string[],
): unknown {
  const fromEnv = spec.env === undefined || env[spec.env] === '' ? undefined : env[spec.env];
  const value = given ?? fromEnv ?? spec.default;
  const result = spec.schema.safeParse(value);
  if (result.success) return result.data;
  const name = given === undefined && fromEnv !== undefined ? `${spec.env}` : longFlag(spec);
  if (value === undefined) {
    mistakes.push(`${name}${spec.env === undefined ? '' : ` (or ${spec.env})`} is required`);
    return undefined;
  }
  const shown = spec.secret ? '' : ` ${JSON.stringify(value)}`;
  mistakes.push(...result.error.issues.map((problem) => `${name}${shown}: ${problem.message}`));
  return undefined;
}

/** Types what went through the schema of its name, value by value; the compiler cannot follow that. */
function parseOptions<T extends OptionTable>(entries: readonly (readonly unknown[])[]): Options<T> {
  const options: Options<T> = Object.fromEntries(entries);
  return options;
}

function describe(spec: OptionSpec): string {
  const notes: string[] = [];
  if (spec.env !== undefined) notes.push(`env ${spec.env}`);
  if (spec.default !== undefined && spec.default !== false && !spec.secret)
    notes.push(`default ${String(spec.default)}`);
  return notes.length === 0 ? spec.description : `${spec.description} (${notes.join(', ')})`;
}

function longFlag(spec: OptionSpec): string {
  return new Option(spec.flag).long ?? spec.flag;
}

function issue(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
}
