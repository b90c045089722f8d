// Imports go leftward only, by the table; and the table has no row that no import needs.
import type { Fault } from '#libs/testing/tidy/fault.ts';
import { isTest, isTestSupport, isWithin } from '#libs/testing/tidy/kind-of-file.ts';
import { rowFault } from '#libs/testing/tidy/row-fault.ts';
import type { Tables } from '#libs/testing/tidy/tables.ts';
import type { Tree } from '#libs/testing/tidy/tree.ts';

export function findArrowFaults(tree: Tree, { imports, testImports }: Tables): readonly Fault[] {
  const faults: Fault[] = [];
  const used = new Set<string>();
  for (const source of tree.sources.values()) {
    const area = areaOf(source.path);
    if (area === undefined) continue;
    const allowed = imports[area] ?? [];
    const forTests = [...(testImports['*'] ?? []), ...(testImports[area] ?? [])];
    for (const { target, line } of source.imports) {
      const other = target === undefined ? undefined : areaOf(target);
      if (target === undefined || other === undefined || other === area) continue;
      const row = allowed.find((folder) => isWithin(target, folder));
      const isExempt = isTest(source.path) || isTestSupport(source.path);
      const testRow = isExempt ? forTests.find((folder) => isWithin(target, folder)) : undefined;
      if (row !== undefined) used.add(`${area} ${row}`);
      else if (testRow !== undefined) for (const owner of ['*', area]) used.add(`${owner} ${testRow} in tests`);
      else faults.push({ file: source.path, line, rule: 'arrow', text: `${area} may not import ${target}` });
    }
  }
  for (const [area, rows] of Object.entries(imports))
    for (const row of rows)
      if (!used.has(`${area} ${row}`)) faults.push(rowFault(tree, area, `${area} imports nothing of ${row}`));
  for (const [area, rows] of Object.entries(testImports))
    for (const row of rows)
      if (!used.has(`${area} ${row} in tests`))
        faults.push(rowFault(tree, area, `tests of ${area} import nothing of ${row}`));
  return faults;

  function areaOf(path: string): string | undefined {
    return Object.keys(imports).find((folder) => path.startsWith(`${folder}/`));
  }
}
