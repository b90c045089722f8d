// Holds the layout: who may import whom, where I/O may live, sizes, names, and words that do not belong in the tree.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import t from 'tap';

const root = resolve(import.meta.dirname, '../..');
const linesMax = 400;

/** Folder → the project's folders that it may import; a folder may always import itself. Leftward only. */
const imports: Readonly<Record<string, readonly string[]>> = {
  'libs/gateway': [],
  'libs/events': ['libs/gateway'],
  'libs/fleet': ['libs/gateway', 'libs/events'],
  'libs/snapshot': ['libs/gateway', 'libs/events'],
  'libs/derivation': [],
  'libs/projection': ['libs/gateway', 'libs/events', 'libs/fleet', 'libs/snapshot', 'libs/derivation'],
  'libs/protocol': ['libs/gateway', 'libs/events', 'libs/snapshot'],
  'libs/xds': ['libs/gateway', 'libs/events', 'libs/snapshot'],
  'libs/matching': ['libs/gateway', 'libs/events', 'libs/snapshot'],
  'libs/api': [],
  'libs/runtime': ['libs/events', 'libs/gateway'],
  'libs/testing': ['libs', 'migrations'],
  'services/agent': ['libs'],
  'services/projector': ['libs', 'migrations'],
  'services/control': ['libs'],
  'services/proxy': ['libs'],
  'services/cli': ['libs', 'migrations', 'services'],
  migrations: ['libs'],
  loadtest: ['libs', 'services', 'migrations', 'tools'],
  tools: ['libs', 'services', 'migrations'],
};

/** What tests of a folder may import beside that: whom they compare with, or whose output they compile. */
const testImports: Readonly<Record<string, readonly string[]>> = {
  'libs/matching': ['libs/xds', 'libs/projection'],
  'libs/xds': ['libs/projection'],
};

const pure = ['gateway', 'events', 'fleet', 'snapshot', 'derivation', 'projection', 'protocol', 'matching', 'api'].map(
  (name) => `libs/${name}`,
);
const pureModules = ['node:crypto', 'node:assert', 'node:util', 're2js', 'zod'];

const sources = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts', '*.mjs'], { cwd: root })
  .toString()
  .split('\n')
  .filter(Boolean)
  .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));

void t.test('folders import leftward only', async (t) => {
  for (const { file, text } of sources) {
    const from = areaOf(file);
    if (from === undefined) continue;
    const isTest = file.endsWith('.test.ts');
    for (const target of importsOf(file, text)) {
      if (!/^(libs|services|migrations|tools|loadtest)\//.test(target) || target.startsWith(`${from}/`)) continue;
      const allowed = [
        ...(imports[from] ?? []),
        ...(isTest ? ['libs/testing', 'libs/runtime', 'migrations', 'tools', ...(testImports[from] ?? [])] : []),
      ];
      const ok = allowed.some((folder) => target === folder || target.startsWith(`${folder}/`));
      if (!ok) t.fail(`${file} imports ${target}`);
    }
  }
});

void t.test('pure libraries touch no I/O, clock or process', async (t) => {
  for (const { file, text } of sources) {
    if (file.endsWith('.test.ts') || !pure.some((folder) => file.startsWith(`${folder}/`))) continue;
    for (const [, name = ''] of text.matchAll(/from '((?!#|\.)[^']+)'/g)) {
      if (!pureModules.includes(name)) t.fail(`${file} imports ${name}`);
    }
    if (/\b(Date\.now|new Date\(\)|Math\.random|process\.|setTimeout|console\.)/.test(text))
      t.fail(`${file} reads a clock, chance or the process`);
  }
});

void t.test('`nats` is imported in one file', async (t) => {
  const files = sources.filter(({ text }) => /from 'nats';$/m.test(text)).map(({ file }) => file);
  t.strictSame(files, ['libs/runtime/nats/nats.ts']);
});

void t.test('sizes and names', async (t) => {
  for (const { file, text } of sources) {
    const lines = text.split('\n').length - 1;
    if (lines > linesMax) t.fail(`${file} has ${lines} lines, more than ${linesMax}`);
    const name = basename(file).replace(/(\.[a-z0-9]+)*\.(ts|mjs)$/, '');
    if (!/^\d*-?[a-z0-9]+(-[a-z0-9]+)*$/.test(name)) t.fail(`${file} is not in kebab-case`);
    if (/(^|\/)(utils?|helpers?|common|shared|misc)(\/|\.ts$)/.test(file)) t.fail(`${file} is a drawer: name the noun`);
  }
});

void t.test('bans', async (t) => {
  const banned = [
    /@ts-(ignore|expect-error|nocheck)/,
    /(eslint|oxlint)-disable/,
    /\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b/,
    /\bt\.(skip|todo|only)\(/,
  ];
  for (const { file, text } of sources)
    for (const pattern of banned) if (pattern.test(text)) t.fail(`${file} has ${pattern.source}`);
});

void t.test('main files only wire', async (t) => {
  for (const { file, text } of sources) {
    if (basename(file) === 'main.ts' && file.startsWith('services/')) t.ok(text.split('\n').length <= 61, file);
  }
});

function areaOf(file: string): string | undefined {
  return Object.keys(imports).find((folder) => file.startsWith(`${folder}/`));
}

/** The project's own files that a file imports, from the root. */
function importsOf(file: string, text: string): readonly string[] {
  return [...text.matchAll(/(?:from|import\()\s*'((?:#|\.)[^']+)'/g)].map(([, target = '']) =>
    target.startsWith('#') ? target.slice(1) : relative(root, resolve(root, dirname(file), target)),
  );
}
