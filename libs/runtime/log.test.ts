// Writes logs to a disk that is full: whoever logs goes on, and what it keeps back has a limit.
import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import t from 'tap';
import { createLogger } from './log.ts';

const module = new URL('log.ts', import.meta.url).href;
const script = `
  import { createLogger } from ${JSON.stringify(module)};
  const log = createLogger({ service: 'test', level: 'info' });
  for (let line = 0; line < 100_000; line++) log.info({ text: 'x'.repeat(1000) }, 'a line');
  const { rss } = process.memoryUsage();
  process.stderr.write(rss < 400 * 1024 ** 2 ? 'goes on' : 'keeps ' + rss + ' bytes');
`;

void t.test('standard output on a full disk', async (t) => {
  const stdio: ('ignore' | 'pipe' | number)[] = ['ignore', openSync('/dev/full', 'w'), 'pipe'];
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { stdio });
  t.equal(String(stderr), 'goes on');
  t.equal(status, 0);
});

void t.test('a destination that fails', async (t) => {
  const lines: string[] = [];
  let [isFull, tries] = [true, 0];
  const write = (line: string): void => {
    tries += 1;
    if (isFull) throw new Error('ENOSPC: no space left on device, write');
    lines.push(line);
  };
  const log = createLogger({ service: 'test', level: 'info', destination: { write } });
  log.info('lost');
  isFull = false;
  log.info('written');
  t.equal(tries, 2);
  t.match(lines, [/"msg":"written"/]);
});
