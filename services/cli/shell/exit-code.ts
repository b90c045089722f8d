// Holds the one table of exit codes: what each means to a script, and which errors end with it. `fleetgate --help`
// prints it.
import type { ErrorCode } from '#libs/runtime/errors.ts';

interface ExitCodeRow {
  readonly code: number;
  readonly meaning: string;
  /** The errors that end a command with this code; those of no row end with `failed`. */
  readonly errors: readonly ErrorCode[];
}

export const exitCodes = {
  done: { code: 0, meaning: 'done', errors: [] },
  failed: { code: 1, meaning: 'failed: something does not work as it should', errors: [] },
  usage: { code: 2, meaning: 'wrong usage or configuration', errors: ['config'] },
  missing: { code: 3, meaning: 'no such gateway, version, object or context', errors: ['not-found', 'kube-context'] },
  refused: {
    code: 4,
    meaning: 'refused: the state or the role of the token does not allow it',
    errors: ['control-refused', 'command-refused', 'kube-refused', 'cluster-refused', 'data-in-use'],
  },
  unreachable: {
    code: 5,
    meaning: 'control, Postgres, NATS or a cluster cannot be reached',
    errors: ['control-unreachable', 'postgres-unreachable', 'nats-unreachable', 'kube-unreachable'],
  },
  notApplied: { code: 6, meaning: 'done, but not all nodes have applied it in time', errors: ['not-applied'] },
  undecided: {
    code: 7,
    meaning: 'not decided in time: nothing was changed, and nothing will be later',
    errors: ['not-decided'],
  },
  altered: { code: 8, meaning: 'the history is not what was signed', errors: ['history-altered'] },
  untrusted: { code: 9, meaning: 'a checkpoint or proof cannot be trusted', errors: ['checkpoint-untrusted'] },
  forked: { code: 10, meaning: 'the history does not continue what was published', errors: ['log-forked'] },
  unfollowed: { code: 11, meaning: 'what is stored does not follow from the history', errors: ['snapshots-differ'] },
  unconfirmed: {
    code: 12,
    meaning: 'requested: nothing is changed until another person confirms it',
    errors: ['not-confirmed'],
  },
} as const satisfies Readonly<Record<string, ExitCodeRow>>;

const rows: readonly ExitCodeRow[] = Object.values(exitCodes);

/** Gives the exit code of a command that an error stopped. */
export function exitCodeOf(error: ErrorCode): number {
  return (rows.find(({ errors }) => errors.includes(error)) ?? exitCodes.failed).code;
}

/** Gives a line for each code, in their order. */
export function exitCodeLines(): readonly string[] {
  return rows.map(({ code, meaning }) => `  ${code}  ${meaning}`);
}
