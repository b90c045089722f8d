// The files that the rules read: every file of the repository that is not ignored, and the syntax of its TypeScript.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { API } from 'typescript/unstable/sync';
import { toSourceFile } from './source-file.ts';
import type { SourceFile } from './source-file.ts';

export interface Tree {
  readonly root: string;
  /** Every file, from the root, sorted. */
  readonly paths: readonly string[];
  /** The TypeScript and JavaScript files by path. */
  readonly sources: ReadonlyMap<string, SourceFile>;
  /** The lines of any file. */
  readonly linesOf: (path: string) => readonly string[];
}

/** Reads a folder that git knows; throws where a file cannot be parsed. */
export function readTree(root: string): Tree {
  const listed = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: root, encoding: 'utf8' });
  const deleted = execFileSync('git', ['ls-files', '-d'], { cwd: root, encoding: 'utf8' }).split('\n');
  const paths = listed.split('\n').filter((path) => path !== '' && !deleted.includes(path));
  return toTree(root, [...new Set(paths)].toSorted());
}

/** The tree of the files that are named, whether git knows them or not. */
export function toTree(root: string, paths: readonly string[]): Tree {
  const read = new Map<string, readonly string[]>();
  const linesOf = (path: string): readonly string[] => {
    const lines = read.get(path) ?? readFileSync(join(root, path), 'utf8').split('\n');
    read.set(path, lines);
    return lines;
  };
  const sources = parse(
    root,
    paths.filter((path) => /\.(ts|mjs)$/.test(path)),
  );
  return { root, paths, sources, linesOf };
}

/**
 * The project's own compiler parses the files, alone: it resolves no import and loads no library, so it takes half a
 * second.
 */
function parse(root: string, paths: readonly string[]): ReadonlyMap<string, SourceFile> {
  const folder = mkdtempSync(join(tmpdir(), 'tidy-'));
  const api = new API({ cwd: folder });
  try {
    const config = join(folder, 'tsconfig.json');
    const compilerOptions = { noResolve: true, noLib: true, types: [], allowJs: true, target: 'esnext', noEmit: true };
    writeFileSync(config, JSON.stringify({ compilerOptions, files: paths.map((path) => join(root, path)) }));
    const program = api.updateSnapshot({ openProjects: [config] }).getProject(config)?.program;
    const parsed = paths.map((path) => {
      const tree = program?.getSourceFile(join(root, path));
      if (tree === undefined) throw new Error(`${path} cannot be parsed`);
      return [path, toSourceFile(path, tree)] as const;
    });
    return new Map(parsed);
  } finally {
    api.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
