// Makes what `npm pack` packs instead of the sources, and removes it again: `node tools/bootstrap.mjs tools/pack.ts
// build|clean`. Node strips no types below node_modules, so an installed package holds JavaScript in dist/: the modules
// as Node's own stripping leaves them, line by line the same, and a package.json that says where #libs/ is. A checkout
// goes on without a build.
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { z } from 'zod';

const root = resolve(import.meta.dirname, '..');
const built = join(root, 'dist');
const packed = ['libs', 'services', 'migrations'];

const ownPackage = z.object({ name: z.string(), version: z.string(), type: z.string(), imports: z.unknown() });
const steps: Readonly<Record<string, () => void>> = {
  build() {
    clean();
    for (const folder of packed) for (const path of listModules(folder)) buildModule(path);
    const own = ownPackage.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
    writeFileSync(join(built, 'package.json'), `${JSON.stringify(own, null, 2)}\n`);
  },
  clean,
};

const step = steps[process.argv[2] ?? ''];
if (step === undefined) {
  process.stderr.write('usage: node tools/bootstrap.mjs tools/pack.ts build|clean\n');
  process.exit(2);
}
step();

function clean(): void {
  rmSync(built, { recursive: true, force: true });
}

/** Lists the modules of a folder that a running fleet needs: no tests and nothing that only they import. */
function listModules(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .map((path) => join(folder, path))
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.test.ts') && !path.split('/').includes('testing'));
}

function buildModule(path: string): void {
  const target = join(built, path.replace(/\.ts$/u, '.js'));
  mkdirSync(dirname(target), { recursive: true });
  const script = stripTypeScriptTypes(readFileSync(join(root, path), 'utf8'));
  writeFileSync(target, script.replaceAll(/(\bfrom |\bimport |\bimport\()'([.#][^']*)\.ts'/gu, "$1'$2.js'"));
}
