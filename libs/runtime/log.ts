// Logs JSON on stdout by pino: `time`, `level`, `service`, `msg`, then fields. Secrets do not get through: fields with
// their names, private keys in PEM and passwords in URLs are replaced. Errors keep code, hint and cause.
import pino from 'pino';
import { FleetgateError } from './errors.ts';

export type Logger = pino.Logger;
/** From the least important on. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
type LogLevel = (typeof logLevels)[number];

interface LogOptions {
  readonly service: string;
  /** A LogLevel. Default: FLEETGATE_LOG_LEVEL, else info. */
  readonly level?: string | undefined;
  /** Lines for people instead of JSON. */
  readonly pretty?: boolean | undefined;
  /** Where lines go instead of stdout; for tests and for what captures logs. */
  readonly destination?: { write(line: string): void } | undefined;
}

/** Makes the logger of one service. */
export function createLogger(options: LogOptions): Logger {
  const output = options.destination ?? standardOutput();
  const format = options.pretty ? prettyLine : (line: string) => line;
  return pino(
    {
      level: options.level ?? process.env['FLEETGATE_LOG_LEVEL'] ?? 'info',
      base: { service: options.service },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: {
        level: (label) => ({ level: label }),
        log: (fields) => plainFields(fields, 0),
      },
      // `log` has made errors plain already.
      serializers: { err: (value: unknown) => value },
      // For the fields of child loggers, which `log` does not see.
      redact: { paths: [...secretNames], censor: redacted },
    },
    {
      write(line: string) {
        try {
          output.write(format(scrubText(line)));
        } catch {
          // A log on a full disk must not stop what it tells of.
        }
      },
    },
  );
}

/** Writes to standard output; what a full disk does not take waits, up to a limit. */
function standardOutput(): { write(line: string): unknown } {
  return pino.destination({ dest: 1, sync: true, maxLength: waitingBytesMax }).on('error', () => undefined);
}

/** Gives the same logger from another level on; without a level, the logger itself. */
export function atLevel(log: Logger, level: LogLevel | undefined): Logger {
  return level === undefined ? log : log.child({}, { level });
}

/** Describes an error as plain data: code and hint where it has them, and its causes. */
function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return plain(error, depth);
  const code = 'code' in error ? error.code : undefined;
  return {
    type: error.name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    message: error.message,
    ...(error instanceof FleetgateError ? { hint: error.hint } : {}),
    ...(error.cause !== undefined && depth < depthMax ? { cause: describeError(error.cause, depth + 1) } : {}),
    // An operating fault is explained by its code; the stack is for bugs.
    ...(error instanceof FleetgateError || error.stack === undefined ? {} : { stack: error.stack }),
  };
}

const depthMax = 6;
const waitingBytesMax = 1024 ** 2;
const redacted = '[redacted]';
const secretNames = [
  'privateKey',
  'nodeKey',
  'keyPem',
  'token',
  'bearer',
  'password',
  'pass',
  'secret',
  'clientSecret',
  'authorization',
  'cookie',
  'ciphertext',
  'credentials',
] as const;
const secretNamesPlain: ReadonlySet<string> = new Set(secretNames.map(plainName));
// None of these crosses a quotation mark: they are applied to whole lines of JSON.
const privateKeyBlock = /-----BEGIN [A-Z ]*PRIVATE KEY-----[^"]*?(?:-----END [A-Z ]*PRIVATE KEY-----|(?=")|$)/g;
const urlPassword = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@:"\\]*(?::[^\s/@"\\]*)?@/gi;
const bearer = /\b(Bearer\s+)[\w.~+/=-]+/gi;

/** Takes private keys in PEM, bearer tokens and passwords in URLs out of a text. */
function scrubText(text: string): string {
  if (!text.includes('@') && !text.includes('PRIVATE KEY') && !/bearer\s/i.test(text)) return text;
  return text
    .replace(privateKeyBlock, redacted)
    .replace(urlPassword, `$1${redacted}@`)
    .replace(bearer, `$1${redacted}`);
}

function plainFields(fields: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      secretNamesPlain.has(plainName(name)) && value !== undefined && value !== null ? redacted : plain(value, depth),
    ]),
  );
}

/** Keeps what JSON can say, without the values of fields with the names of secrets. */
function plain(value: unknown, depth: number): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object' || 'toJSON' in value) return value;
  if (value instanceof Error) return describeError(value, depth);
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (depth >= depthMax) return '[…]';
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  return plainFields(value, depth + 1);
}

function plainName(name: string): string {
  return name.replaceAll(/[_.-]/g, '').toLowerCase();
}

function prettyLine(line: string): string {
  const { time, level, service, msg, err, ...rest } = parseLine(line);
  const pairs = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const fields = pairs.length > 0 ? `  ${pairs.join(' ')}` : '';
  const error = err === undefined ? '' : ` ${typeof err === 'string' ? err : prettyError(err)}`;
  const clock = textOf(time).slice(11, 23);
  return `${clock} ${textOf(level).padEnd(5)} ${textOf(service)}  ${textOf(msg ?? '')}${error}${fields}\n`;
}

function prettyError(error: unknown): string {
  const fields: Partial<Record<string, unknown>> = error !== null && typeof error === 'object' ? { ...error } : {};
  const hint = fields['hint'] === undefined ? '' : ` (${textOf(fields['hint'])})`;
  const stack = fields['stack'] === undefined ? '' : `\n${textOf(fields['stack'])}`;
  return `${textOf(fields['message'] ?? error)}${hint}${stack}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

function parseLine(line: string): Record<string, unknown> {
  const fields: Record<string, unknown> = JSON.parse(line);
  return fields;
}
