// Holds the rules of the layout that the linter keeps by its own: circles of files, long files, long functions. Plants
// one fault for each and sees the message, with file, line and rule.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import t from 'tap';

const root = resolve(import.meta.dirname, '../../..');

/** What the project's linter says of files, by the project's own rules. */
function lint(files: Readonly<Record<string, string>>): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'lint-rules-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const command = join(root, 'node_modules/.bin/oxlint');
  const options = ['-c', join(root, '.oxlintrc.json'), '-f', 'unix', '.'];
  // Node cannot start the linter with the loader that tap puts into this variable of every child.
  const result = spawnSync('env', ['-u', 'NODE_OPTIONS', command, ...options], { cwd: folder, encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  return result.stdout.split('\n').filter((line) => /^\S+:\d+:/.test(line));
}

const withFunction = (count: number): string => `\nexport function f(): void {\n${lines(count - 2)}}\n`;
const lines = (count: number): string => Array.from({ length: count }, (_, at) => `console.log(${at});\n`).join('');

void t.test('circles of files, imports of types included', async (t) => {
  const said = lint({
    'a.ts': "import type { B } from './b.ts';\nexport type A = B | 1;\n",
    'b.ts': "\nimport type { A } from './a.ts';\nexport type B = A | 2;\n",
  });
  t.match(said.toSorted(), [/^a\.ts:1:\d+: Dependency cycle.*no-cycle/, /^b\.ts:2:\d+: Dependency cycle.*no-cycle/]);
});

void t.test('a file has at most 400 lines', async (t) => {
  t.strictSame(lint({ 'a.ts': lines(400) }), []);
  t.match(lint({ 'a.ts': lines(401) }), [/^a\.ts:\d+:\d+: File has too many lines \(401\).*max-lines/]);
});

void t.test('a function has at most 70 lines, in tests, too', async (t) => {
  t.strictSame(lint({ 'a.ts': withFunction(70) }), []);
  for (const file of ['a.ts', 'a.test.ts'])
    t.match(lint({ [file]: withFunction(71) }), [
      new RegExp(`^${file}:2:\\d+: The function .f. has too many lines \\(71\\).*max-lines-per-function`),
    ]);
});
