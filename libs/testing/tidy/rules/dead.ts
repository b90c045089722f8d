// Nothing lies about unused: each export has a user, and each file is reached from something that runs.
import type { Fault } from '#libs/testing/tidy/fault.ts';
import { folderOf, isProduction, isTest } from '#libs/testing/tidy/kind-of-file.ts';
import type { SourceFile } from '#libs/testing/tidy/source-file.ts';
import type { Tree } from '#libs/testing/tidy/tree.ts';
import { join } from 'node:path';

const headLines = 6;

/**
 * An export is dead when no other file takes it; and in production also when only tests take it and its own file makes
 * no use of it. What a document, a script or k6 starts is used from outside.
 */
export function findDeadExports(tree: Tree): readonly Fault[] {
  const users = usersOf(tree);
  const started = startedFiles(tree);
  return [...tree.sources.values()]
    .filter(({ path }) => !started.has(path))
    .flatMap((source) =>
      source.exports.flatMap(({ name, line }) => {
        const takers = users.get(`${source.path} ${name}`) ?? [];
        const isUsedHere = (source.words.get(name) ?? 0) > 1;
        if (takers.length === 0) return [dead(source.path, line, `no other file imports \`${name}\``)];
        const isForTests = isProduction(source.path) && !takers.some(isProductionUser) && !isUsedHere;
        return isForTests ? [dead(source.path, line, `only tests use \`${name}\``)] : [];
      }),
    );
}

/** A file is dead when no test and nothing that is started reaches it; in production, when only tests do. */
export function findDeadFiles(tree: Tree): readonly Fault[] {
  const started = startedFiles(tree);
  const reached = reachedFrom(
    tree,
    [...started].filter((path) => !isTest(path)),
  );
  const tested = reachedFrom(
    tree,
    [...tree.sources.keys()].filter((path) => isTest(path)),
  );
  return [...tree.sources.keys()]
    .filter((path) => !isTest(path) && !reached.has(path) && (isProduction(path) || !tested.has(path)))
    .map((file) => {
      const text = tested.has(file) ? 'only tests reach this file' : 'nothing reaches this file';
      return { file, line: 1, rule: 'dead file', text };
    });
}

function isProductionUser(path: string): boolean {
  return isProduction(path) || /^(tools|loadtest)\//.test(path);
}

/** `file name` → the files that take it. Who imports all of a file takes the names that occur in it. */
function usersOf(tree: Tree): ReadonlyMap<string, readonly string[]> {
  const users = new Map<string, string[]>();
  for (const source of tree.sources.values())
    for (const { target, names } of source.imports) {
      const found = target === undefined ? undefined : tree.sources.get(target);
      if (found === undefined) continue;
      const taken = names ?? found.exports.map(({ name }) => name).filter((name) => source.words.has(name));
      for (const name of taken) {
        const key = `${found.path} ${name}`;
        users.set(key, [...(users.get(key) ?? []), source.path]);
      }
    }
  return users;
}

/**
 * Programs: what package.json, an image, a workflow or a command in a document starts, what says in its own head how it
 * is started, the main file of a service, what k6 runs, and migrations, which run by number.
 */
function startedFiles(tree: Tree): ReadonlySet<string> {
  const isProgram = (path: string): boolean =>
    /^(migrations\/\d.*|services\/[^/]+\/main|.*\.k6)\.ts$/.test(path) ||
    tree.linesOf(path).slice(0, headLines).join(' ').includes(`node ${path}`);
  const started = new Set([...tree.sources.keys()].filter(isProgram));
  for (const path of tree.paths) {
    const naming = startedIn(path);
    if (naming === undefined) continue;
    for (const line of tree.linesOf(path))
      for (const [, name = ''] of line.matchAll(naming)) if (tree.sources.has(name)) started.add(name);
  }
  return started;
}

/** How a file says what is started: scripts by any path, documents by a command. */
function startedIn(path: string): RegExp | undefined {
  if (/(^|\/)(package\.json|Dockerfile|run|[^/]+\.yaml)$/.test(path)) return /\b([\w/-][\w./-]*\.(?:ts|mjs))\b/g;
  return path.endsWith('.md') ? /\bnode (?:\.\/)?([\w./-]+\.(?:ts|mjs))\b/g : undefined;
}

/** What the files import or name as a path, and so on. */
function reachedFrom(tree: Tree, roots: readonly string[]): ReadonlySet<string> {
  const reached = new Set(roots);
  for (const path of reached) {
    const source = tree.sources.get(path);
    if (source === undefined) continue;
    for (const next of neighbours(tree, source)) reached.add(next);
  }
  return reached;
}

function neighbours(tree: Tree, source: SourceFile): readonly string[] {
  const imported = source.imports.flatMap(({ target }) => target ?? []);
  const named = [...source.words.keys()].flatMap((word) =>
    /\.(ts|mjs)$/.test(word) ? [word, join(folderOf(source.path), word)] : [],
  );
  return [...imported, ...named].filter((path) => tree.sources.has(path));
}

function dead(file: string, line: number, text: string): Fault {
  return { file, line, rule: 'dead export', text };
}
