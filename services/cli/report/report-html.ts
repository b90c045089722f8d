// Writes a report as one HTML file that needs nothing else: no script, no address, and every text escaped, since names
// and reasons are written by anyone in a cluster. Pure.
import { oneLine } from '../views/table.ts';
import { changeColumns } from './change-columns.ts';
import type { ReportedChange } from './change-reads.ts';
import type { Summary } from './summary.ts';

/** What stands at the head of a report. */
export interface ReportHead {
  readonly title: string;
  /** Sentences: what is in it, made when and by which version. */
  readonly facts: readonly string[];
}

const style = `body{font:13px/1.4 sans-serif;margin:2em;color:#111}h1{font-size:1.5em}h2{font-size:1.15em}
table{border-collapse:collapse;margin:.5em 0}th,td{text-align:left;vertical-align:top;padding:.15em .7em .15em 0}
td{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:plaintext}.counts{display:inline-block;margin-right:2.5em;vertical-align:top}
td.n{text-align:right}section{border-top:1px solid #999;padding:.5em 0;break-inside:avoid}th{font-weight:600;color:#555}
@media print{body{margin:0;font-size:10px}}`;

/** Writes everything before the changes. */
export function htmlHead({ title, facts }: ReportHead, summary: Summary): string {
  const counts = summary.counts.map(({ title: by, rows }) => {
    const lines = rows.map(
      ([name, count]) => `<tr><td>${escape(name)}</td><td class="n">${count}</td><td>of ${summary.total}</td></tr>`,
    );
    return `<div class="counts"><h2>By ${escape(by)}</h2><table>${lines.join('')}</table></div>`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escape(title)}</title><style>${style}</style></head><body>
<h1>${escape(title)}</h1>
${facts.map((fact) => `<p>${escape(fact)}</p>`).join('\n')}
${counts.join('\n')}
<h2>Changes</h2>
`;
}

/** Writes one change; what is empty is left out. */
export function htmlChange(change: ReportedChange): string {
  const lines = changeColumns.flatMap(([title, cell]) => {
    const text = cell(change);
    return text === '' ? [] : [`<tr><th>${title}</th><td>${escapeLines(text)}</td></tr>`];
  });
  return `<section><table>${lines.join('')}</table></section>\n`;
}

export const htmlEnd = '</body></html>\n';

function escapeLines(text: string): string {
  return text.split('\n').map(escape).join('\n');
}

/** Control characters and those that turn the direction of writing become visible. */
function escape(text: string): string {
  return oneLine(text)
    .replaceAll(/[\u202A-\u202E\u2066-\u2069\u200E\u200F]/gu, '\uFFFD')
    .replaceAll(/[&<>"'`]/gu, (sign) => `&#${sign.codePointAt(0)};`);
}
