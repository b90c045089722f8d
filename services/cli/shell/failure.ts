// Turns whatever stopped a command into what a person sees, what happened and what to do, and the exit code that a
// script sees.
import { CommanderError } from 'commander';
import { FleetgateError, messageOf } from '#libs/runtime/errors.ts';
import { exitCodeOf, exitCodes } from './exit-code.ts';

interface Failure {
  readonly exitCode: number;
  /** Lines for stderr; '' where everything was said already. */
  readonly text: string;
}

/** Gives the text and the exit code of anything thrown. A stack is shown for bugs only. */
export function describeFailure(error: unknown): Failure {
  if (error instanceof CommanderError) {
    return { exitCode: (error.exitCode === 0 ? exitCodes.done : exitCodes.usage).code, text: '' };
  }
  if (error instanceof FleetgateError) {
    return { exitCode: exitCodeOf(error.code), text: `fleetgate: ${error.message}\n  ${error.hint}\n` };
  }
  const stack = error instanceof Error ? error.stack : undefined;
  const what = `a bug stopped this command: ${messageOf(error)}`;
  return {
    exitCode: exitCodes.failed.code,
    text: `fleetgate: ${what}\n  Please report it with these lines.\n${stack ?? ''}\n`,
  };
}
