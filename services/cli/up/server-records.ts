// Keeps run/postgres.json and run/nats.json, which name the processes of the embedded servers for people and scripts.
// The servers restart by themselves.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DataFolder } from '../local/data-folder.ts';
import { writeRecord } from '../local/record-file.ts';
import type { Report } from './report.ts';

const lookEveryMs = 500;

/** Keeps the record until the function that it gives is called. */
export function trackServers(
  folder: DataFolder,
  name: 'postgres' | 'nats',
  server: { readonly pid: number | undefined },
  report: Report,
): () => void {
  const path = join(folder.run, `${name}.json`);
  let last: number | undefined;
  let stopWriting: (() => void) | undefined;
  const look = (): void => {
    const { pid } = server;
    if (pid === undefined || pid === last) return;
    if (last !== undefined) report.tell({ event: 'part-ended', part: name, reason: `process ${last} is gone` });
    last = pid;
    stopWriting?.();
    stopWriting = writeRecord(path, { pid, part: name, since: new Date().toISOString() });
    report.tell({ event: 'part-started', part: name, pid });
  };
  look();
  const timer = setInterval(look, lookEveryMs);
  return () => {
    clearInterval(timer);
    stopWriting?.();
    rmSync(path, { force: true });
  };
}
