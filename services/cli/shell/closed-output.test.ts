// A reader that goes away ends a command quietly.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

void t.test('a reader that wants no more', async (t) => {
  // What a test runner loads into every process listens for signals itself.
  const env = { ...process.env, NODE_OPTIONS: '' };
  const child = spawn(process.execPath, [main, 'events', '--help'], { stdio: ['ignore', 'pipe', 'pipe'], env });
  child.stdout.destroy();
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = await once(child, 'close');
  t.equal(said, '', 'no stack');
  t.not(code, 1, 'it is no crash');
});
