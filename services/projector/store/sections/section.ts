// Says what one write of the projector's transaction is.
import type { CommitRows } from '../commit-rows.ts';
import type { LogGrowth } from '../event-log.ts';

export type Cell = string | number | boolean | Date | Uint8Array | null;

/** Is everything that one transaction writes beside the checkpoint. */
export interface WrittenRows extends CommitRows {
  /** What the events add to the log; undefined = there are none. */
  readonly log: LogGrowth | undefined;
}

/** Describes one write of the commit statement. */
export interface Section {
  /** Name of its common table expression. */
  readonly name: string;
  /** Column → SQL type of its rows. */
  readonly columns: Readonly<Record<string, string>>;
  readonly sql: string;
  readonly rows: (commit: WrittenRows) => Iterable<readonly Cell[]>;
}
