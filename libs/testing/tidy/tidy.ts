// The rules that types, lint and format cannot hold: the layout of the repository. Run by `npm run check` and by a
// test.
import { compareText } from '#libs/gateway/compare-text.ts';
import type { Fault } from './fault.ts';
import { findArrowFaults } from '#libs/testing/tidy/rules/arrows.ts';
import { findDeadExports, findDeadFiles } from '#libs/testing/tidy/rules/dead.ts';
import { findFullFolders } from '#libs/testing/tidy/rules/folders.ts';
import { findStaleGuides } from '#libs/testing/tidy/rules/guides.ts';
import {
  findImportStyleFaults,
  findReExports,
  findSecondImporters,
  findTestSupportInProduction,
} from '#libs/testing/tidy/rules/imports.ts';
import { findCrowdedFolders, findRoomCircles } from '#libs/testing/tidy/rules/rooms.ts';
import {
  findBadNames,
  findBannedWords,
  findImpurity,
  findLongMains,
  findWideLines,
} from '#libs/testing/tidy/rules/text.ts';
import type { Tables } from './tables.ts';
import type { Tree } from './tree.ts';

const rules: readonly ((tree: Tree, tables: Tables) => readonly Fault[])[] = [
  findArrowFaults,
  findImportStyleFaults,
  findReExports,
  findTestSupportInProduction,
  findSecondImporters,
  findRoomCircles,
  findCrowdedFolders,
  findDeadExports,
  findDeadFiles,
  findWideLines,
  findBannedWords,
  findImpurity,
  findBadNames,
  findLongMains,
  findFullFolders,
  findStaleGuides,
];

/** Every fault of the tree, by file and line. */
export function findFaults(tree: Tree, tables: Tables): readonly Fault[] {
  return rules.flatMap((rule) => rule(tree, tables)).toSorted((a, b) => compareText(a.file, b.file) || a.line - b.line);
}
