// A reader that goes away ends a command quietly.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const main = fileURLToPath(new URL('../main.ts', import.meta.url));

void t.test('a reader that wants no more', async (t) => {
  const child = spawn(process.execPath, [main, 'events', '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = await once(child, 'close');
  t.equal(said, '', 'no stack');
  t.equal(code, 141);
});
