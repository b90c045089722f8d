// A folder with many files is of one kind, and the tables say of which.
import type { Fault } from '#libs/testing/tidy/fault.ts';
import { folderOf, isTest } from '#libs/testing/tidy/kind-of-file.ts';
import { rowFault } from '#libs/testing/tidy/row-fault.ts';
import type { Tables } from '#libs/testing/tidy/tables.ts';
import type { Tree } from '#libs/testing/tidy/tree.ts';

/** Counts the source files that lie directly in a folder, tests aside. */
export function findFullFolders(tree: Tree, { oneKind, folderFilesMax }: Tables): readonly Fault[] {
  const counts = new Map<string, number>();
  for (const path of tree.sources.keys())
    if (!isTest(path)) counts.set(folderOf(path), (counts.get(folderOf(path)) ?? 0) + 1);
  const full = [...counts]
    .filter(([folder, count]) => count > folderFilesMax && oneKind[folder] === undefined)
    .map(([file, count]) => {
      const text = `${count} files that no row calls of one kind, more than ${folderFilesMax}`;
      return { file, line: 1, rule: 'full folder', text };
    });
  const unused = Object.keys(oneKind)
    .filter((folder) => (counts.get(folder) ?? 0) <= folderFilesMax)
    .map((folder) => rowFault(tree, folder, `${folder} has ${counts.get(folder) ?? 0} files and needs no row`));
  return [...full, ...unused];
}
