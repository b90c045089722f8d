// Writes a report while its changes come: CSV and JSON go straight out, and HTML waits in a file on disk, because its
// summary comes first. So the memory that it needs does not grow with the changes.
import { createReadStream } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { csvCell } from '../views/event-lines.ts';
import { changeColumns } from './change-columns.ts';
import type { ReportedChange } from './change-reads.ts';
import { type ReportHead, htmlChange, htmlEnd, htmlHead } from './report-html.ts';
import { Summary } from './summary.ts';

export const reportForms = ['html', 'csv', 'json'] as const;

type ReportForm = (typeof reportForms)[number];

type Changes = AsyncIterable<readonly ReportedChange[]>;
/** Takes a text, and resolves once there is room for more. */
type Write = (text: string) => Promise<void>;

/** Writes a report in a form; answers how many changes it has. */
export async function writeReport(form: ReportForm, head: ReportHead, changes: Changes, write: Write): Promise<number> {
  if (form === 'csv') return writeCsv(changes, write);
  return form === 'json' ? writeJson(head, changes, write) : writeHtml(head, changes, write);
}

async function writeCsv(changes: Changes, write: Write): Promise<number> {
  let total = 0;
  await write(`${changeColumns.map(([title]) => csvCell(title)).join(',')}\r\n`);
  for await (const page of changes) {
    total += page.length;
    const lines = page.map((change) => changeColumns.map(([, cell]) => csvCell(cell(change))).join(','));
    if (lines.length > 0) await write(`${lines.join('\r\n')}\r\n`);
  }
  return total;
}

async function writeJson({ title, facts }: ReportHead, changes: Changes, write: Write): Promise<number> {
  const summary = new Summary();
  await write(`{"title":${JSON.stringify(title)},"facts":${JSON.stringify(facts)},"changes":[`);
  for await (const page of changes) {
    for (const change of page) {
      await write(`${summary.total === 0 ? '' : ','}\n${JSON.stringify(change)}`);
      summary.add(change);
    }
  }
  const counts = summary.counts.map(({ title: by, rows }) => [by, Object.fromEntries(rows)] as const);
  await write(`\n],"total":${summary.total},"counts":${JSON.stringify(Object.fromEntries(counts))}}\n`);
  return summary.total;
}

async function writeHtml(head: ReportHead, changes: Changes, write: Write): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'fleetgate-report-'));
  try {
    const summary = new Summary();
    const path = join(folder, 'changes.html');
    const file = await open(path, 'wx', 0o600);
    try {
      for await (const page of changes) {
        for (const change of page) summary.add(change);
        await file.write(page.map(htmlChange).join(''));
      }
    } finally {
      await file.close();
    }
    await write(htmlHead(head, summary));
    for await (const chunk of createReadStream(path, 'utf8')) await write(String(chunk));
    await write(htmlEnd);
    return summary.total;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
