// Holds the layout: who may import whom, where I/O may live, sizes, names, and words that do not belong in the tree.
import { resolve } from 'node:path';
import t from 'tap';
import { faultText } from '#libs/testing/tidy/fault.ts';
import { tables } from '#libs/testing/tidy/tables.ts';
import { findFaults } from '#libs/testing/tidy/tidy.ts';
import { readTree } from '#libs/testing/tidy/tree.ts';

void t.test('the tree is tidy', async (t) => {
  const tree = readTree(resolve(import.meta.dirname, '../..'));
  t.ok(tree.sources.size > 100, 'there is a tree to look at');
  for (const fault of findFaults(tree, tables)) t.fail(faultText(fault));
});
