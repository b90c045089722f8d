// Imports are written in one way, hand on nothing, and bring no test support into production.
import { relative } from 'node:path';
import type { Fault } from '#libs/testing/tidy/fault.ts';
import { folderOf, isProduction, isTest, isTestSupport } from '#libs/testing/tidy/kind-of-file.ts';
import type { Tables } from '#libs/testing/tidy/tables.ts';
import type { Tree } from '#libs/testing/tidy/tree.ts';

/** `./x.ts` in the same folder, `#libs/…` for a file of the libraries, else the relative path. */
export function findImportStyleFaults(tree: Tree): readonly Fault[] {
  return [...tree.sources.values()].flatMap(({ path, imports }) =>
    imports.flatMap(({ specifier, target, line }) => {
      if (target === undefined || specifier === normalForm(path, target)) return [];
      return [{ file: path, line, rule: 'import style', text: `'${specifier}' is '${normalForm(path, target)}'` }];
    }),
  );
}

/** Who wants a name imports it from the file that declares it. */
export function findReExports(tree: Tree): readonly Fault[] {
  return [...tree.sources.values()].flatMap(({ path, imports, exports }) => {
    const taken = new Set(imports.flatMap(({ names }) => names ?? []));
    const direct = imports.filter(({ isReExport }) => isReExport);
    const indirect = exports.filter(({ name, isInList }) => isInList && taken.has(name));
    return [
      ...direct.map(({ line, specifier }) => reExport(path, line, `'${specifier}' is handed on`)),
      ...indirect.map(({ line, name }) => reExport(path, line, `\`${name}\` is imported and handed on`)),
    ];
  });
}

/** Production imports neither tests, nor their support, nor tools. */
export function findTestSupportInProduction(tree: Tree): readonly Fault[] {
  return [...tree.sources.values()]
    .filter(({ path }) => isProduction(path))
    .flatMap(({ path, imports }) =>
      imports.flatMap(({ target, line }) => {
        const isForeign =
          target !== undefined && (isTest(target) || isTestSupport(target) || target.startsWith('tools/'));
        return isForeign ? [{ file: path, line, rule: 'test support', text: `production imports ${target}` }] : [];
      }),
    );
}

/** A package with one importer is imported by no other file. */
export function findSecondImporters(tree: Tree, { onlyImporter }: Tables): readonly Fault[] {
  return [...tree.sources.values()].flatMap(({ path, imports }) =>
    imports.flatMap(({ specifier, line }) => {
      const only = onlyImporter[specifier];
      if (only === undefined || only === path) return [];
      return [{ file: path, line, rule: 'one importer', text: `only ${only} imports '${specifier}'` }];
    }),
  );
}

function normalForm(path: string, target: string): string {
  if (folderOf(path) === folderOf(target)) return `./${target.slice(folderOf(target).length).replace(/^\//, '')}`;
  if (target.startsWith('libs/')) return `#${target}`;
  const way = relative(folderOf(path), target);
  return way.startsWith('.') ? way : `./${way}`;
}

function reExport(file: string, line: number, text: string): Fault {
  return { file, line, rule: 're-export', text };
}
