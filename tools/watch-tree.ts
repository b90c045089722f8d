// Does something now, and again whenever a file of the project changes, until the process is told to stop.
import { watch } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Editors write a file in several steps; what follows within this time is the same change. */
const quietMs = 200;
const ignored = /(^|[\\/])(node_modules|\.git|\.tap|\.data)([\\/]|$)|~$|\.log$/;

/** Never runs twice at once: changes during a run lead to one more run. */
export async function watchTree(run: () => Promise<unknown>): Promise<never> {
  let changed: (() => void) | undefined;
  let isChanged = false;
  const watcher = watch('.', { recursive: true }, (_event, file) => {
    if (file === null || ignored.test(file)) return;
    isChanged = true;
    changed?.();
  });
  watcher.on('error', (error) => {
    console.error(`cannot watch the files: ${error.message}`);
    process.exit(1);
  });
  for (;;) {
    isChanged = false;
    await run();
    console.log('waiting for a change; Ctrl-C ends');
    if (!isChanged) await new Promise<void>((resolve) => (changed = resolve));
    await delay(quietMs);
  }
}
