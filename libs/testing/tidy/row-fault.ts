// A row of the tables that nothing needs is a fault in the tables themselves.
import type { Fault } from './fault.ts';
import type { Tree } from './tree.ts';

const file = 'libs/testing/tidy/tables.ts';

/** Points at the first line of the tables that has the row's key. */
export function rowFault(tree: Tree, key: string, text: string): Fault {
  const lines = tree.paths.includes(file) ? tree.linesOf(file) : [];
  const index = lines.findIndex((line) => line.trimStart().startsWith(`'${key}'`) || line.trimStart().startsWith(key));
  return { file, line: Math.max(1, index + 1), rule: 'unused row', text };
}
