// Ends a fleet without order: kills every process that the folder's records name. Nothing is lost that was
// acknowledged.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { signalProcess } from '#libs/runtime/process/process-identity.ts';
import { readRecord } from '../local/record-file.ts';

const record = z.object({ pid: z.number().int().positive() });

/** Kills the parts, the embedded servers and Envoy. */
export function killEverything(data: string): void {
  const run = join(data, 'run');
  for (const path of [...filesIn(run), join(data, 'node', 'envoy.json')]) {
    const pid = readRecord(path, record)?.pid;
    if (pid !== undefined && !signalProcess(-pid, 'SIGKILL')) signalProcess(pid, 'SIGKILL');
  }
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).map((file) => join(folder, file));
  } catch {
    return [];
  }
}
