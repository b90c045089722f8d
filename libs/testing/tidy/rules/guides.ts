// What the guides name exists: paths in code spans and links, and the scripts of npm.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { Fault } from '#libs/testing/tidy/fault.ts';
import type { Tables } from '#libs/testing/tidy/tables.ts';
import type { Tree } from '#libs/testing/tidy/tree.ts';

/**
 * A path starts at the root and has a folder or a known ending; `libs/*` and `<name>` stand for many and are not looked
 * up.
 */
export function findStaleGuides(tree: Tree, { guides }: Tables): readonly Fault[] {
  const folders = new Set(tree.paths.flatMap((path) => path.split('/').map((_, i, all) => all.slice(0, i).join('/'))));
  const exists = (path: string): boolean => tree.paths.includes(path) || folders.has(path.replace(/\/$/, ''));
  const tops = new Set(tree.paths.map((path) => path.split('/')[0] ?? ''));
  const scripts = npmScripts(tree);
  return guides.flatMap((file) =>
    (tree.paths.includes(file) ? tree.linesOf(file) : []).flatMap((text, index) => {
      const missing = pathsIn(text).filter((path) => tops.has(path.split('/')[0] ?? '') && !exists(path));
      const unknown = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
      return [
        ...missing.map((path) => ({ file, line: index + 1, rule: 'guide', text: `${path} does not exist` })),
        ...unknown
          .filter((name) => !scripts.includes(name))
          .map((name) => ({ file, line: index + 1, rule: 'guide', text: `package.json has no script ${name}` })),
      ];
    }),
  );
}

/** What looks like a path from the root: several parts, no place-holder. */
function pathsIn(text: string): readonly string[] {
  return [...text.matchAll(/(?<![\w./#<>$~-])((?:[\w.-]+\/)+[\w.-]*[\w-]|[\w-]+\.(?:md|json|ts))(?![\w*<>/{])/g)].map(
    ([, path = '']) => path,
  );
}

function npmScripts(tree: Tree): readonly string[] {
  const path = join(tree.root, 'package.json');
  if (!existsSync(path)) return [];
  const parsed: unknown = JSON.parse(readFileSync(path, 'utf8'));
  return isRecord(parsed) && isRecord(parsed['scripts']) ? Object.keys(parsed['scripts']) : [];
}
