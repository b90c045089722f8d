// What a person sees when a command fails: what, why, what to do. And the exit code that a script sees.
import { CommanderError } from 'commander';
import { type ErrorCode, FleetgateError, messageOf } from '#libs/runtime/errors.ts';

/** Every exit code; `fleetgate --help` prints the table. */
export const exitCodes = {
  0: 'done',
  1: 'failed: something does not work as it should',
  2: 'wrong usage or configuration',
  3: 'no such gateway, version, object or context',
  4: 'refused: the state or the role of the token does not allow it',
  5: 'control, Postgres, NATS or a cluster cannot be reached',
  6: 'done, but not all nodes have applied it in time',
} as const;

export type ExitCode = keyof typeof exitCodes;

const codeOf: Partial<Readonly<Record<ErrorCode, ExitCode>>> = {
  config: 2,
  'not-found': 3,
  'kube-context': 3,
  'control-refused': 4,
  'command-refused': 4,
  'kube-refused': 4,
  'cluster-refused': 4,
  'data-in-use': 4,
  'control-unreachable': 5,
  'postgres-unreachable': 5,
  'nats-unreachable': 5,
  'kube-unreachable': 5,
  'not-applied': 6,
};

export interface Failure {
  readonly exitCode: ExitCode;
  /** Lines for stderr; '' where everything was said already. */
  readonly text: string;
}

/** The text and the exit code of anything thrown. A stack is shown for bugs only. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? 0 : 2, text: '' };
  if (error instanceof FleetgateError) {
    return { exitCode: codeOf[error.code] ?? 1, text: `fleetgate: ${error.message}\n  ${error.hint}\n` };
  }
  const stack = error instanceof Error ? error.stack : undefined;
  return {
    exitCode: 1,
    text: `fleetgate: a bug stopped this command: ${messageOf(error)}\n  Please report it with these lines.\n${stack ?? ''}\n`,
  };
}
