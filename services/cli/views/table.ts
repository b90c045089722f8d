// Renders text tables for people: columns are as wide as their widest cell, and lines are cut to the terminal's width.
// Pure.

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  readonly align?: 'left' | 'right';
}

/** When and how wide a person looks. */
export interface Look {
  readonly now: Date;
  /** Columns of the terminal; longer lines are cut with `…`. Undefined = no limit. */
  readonly width: number | undefined;
}

const gap = '  ';

/** Renders a header line and one line per row, without a final newline. Control characters in cells become spaces. */
export function renderTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[], width?: number): string {
  const cells = [
    columns.map((column) => column.title),
    ...rows.map((row) => columns.map((column) => oneLine(column.cell(row)))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => textWidth(line[index] ?? ''))));
  const lines = cells.map((line) =>
    line
      .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.align ?? 'left'))
      .join(gap)
      .trimEnd(),
  );
  return lines.map((line) => (width === undefined ? line : cut(line, width))).join('\n');
}

/** Renders a table as wide as the terminal, or gives `empty` where there are no rows. */
export function tableOr<Row>(
  empty: string,
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  { width }: Pick<Look, 'width'>,
): string {
  return rows.length === 0 ? empty : renderTable(columns, rows, width);
}

/** Wraps a text at blanks; lines after the first are indented by two. A word longer than the width is not cut. */
export function wrapLine(text: string, width: number | undefined): string {
  if (width === undefined) return oneLine(text);
  const lines: string[] = [];
  for (const word of oneLine(text).split(' ')) {
    const last = lines.at(-1);
    if (last === undefined) lines.push(word);
    else if (textWidth(last) + 1 + textWidth(word) <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`  ${word}`);
  }
  return lines.join('\n');
}

/** Writes a number with its noun: `1 node`, `2 nodes`. */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`;
}

/** Says how long ago a moment was, in the largest fitting unit: `now`, `42s`, `7m`, `3h`, `12d`; `-` = at no moment. */
export function ago(at: string | null | undefined, now: Date): string {
  if (at === null || at === undefined) return '-';
  const seconds = Math.floor((now.getTime() - Date.parse(at)) / 1000);
  if (Number.isNaN(seconds)) return '-';
  if (seconds < 1) return 'now';
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** Cuts a text to a width in characters and marks the cut by `…`. */
export function cut(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/**
 * Replaces control characters by spaces: anyone in a cluster may write what is shown, and none of it may move the
 * cursor.
 */
export function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

function pad(cell: string, width: number, align: 'left' | 'right'): string {
  const blank = ' '.repeat(Math.max(0, width - textWidth(cell)));
  return align === 'left' ? cell + blank : blank + cell;
}

/** Counts the characters of a text. */
export function textWidth(text: string): number {
  return Array.from(text).length;
}
