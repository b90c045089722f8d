// Text tables for people: left-aligned columns as wide as their widest cell, cut to the terminal's width. Pure.

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  readonly align?: 'left' | 'right';
}

export interface TableStyle {
  /** Columns of the terminal; longer lines are cut with `…`. Absent = no limit. */
  readonly width?: number;
}

const gap = '  ';

/** A header line and one line per row, without a final newline. Control characters in cells become spaces. */
export function renderTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  style: TableStyle = {},
): string {
  const cells = [
    columns.map((column) => column.title),
    ...rows.map((row) => columns.map((column) => printable(column.cell(row)))),
  ];
  const widths = columns.map((_, index) => Math.max(...cells.map((line) => textWidth(line[index] ?? ''))));
  const lines = cells.map((line) =>
    line
      .map((cell, index) => pad(cell, widths[index] ?? 0, columns[index]?.align ?? 'left'))
      .join(gap)
      .trimEnd(),
  );
  const width = style.width;
  return lines.map((line) => (width === undefined ? line : cut(line, width))).join('\n');
}

/** `1 node`, `2 nodes`. */
export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${n} ${n === 1 ? noun : plural}`;
}

/** How long ago a moment was, in the largest fitting unit: `now`, `42s`, `7m`, `3h`, `12d`. */
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

/** A text cut to a width, the cut marked by `…`. */
export function cut(text: string, width: number): string {
  const characters = Array.from(text);
  return characters.length <= width ? text : `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

/** Cells come from objects that anyone in a cluster may write: nothing in them may move the cursor. */
function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}

function pad(cell: string, width: number, align: 'left' | 'right'): string {
  const blank = ' '.repeat(Math.max(0, width - textWidth(cell)));
  return align === 'left' ? cell + blank : blank + cell;
}

function textWidth(text: string): number {
  return Array.from(text).length;
}
