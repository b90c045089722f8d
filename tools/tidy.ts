// node tools/tidy.ts: prints each fault of the layout as `file:line: rule: text`; the exit code is 1 if there is one.
import { resolve } from 'node:path';
import { faultText } from '#libs/testing/tidy/fault.ts';
import { tables } from '#libs/testing/tidy/tables.ts';
import { findFaults } from '#libs/testing/tidy/tidy.ts';
import { readTree } from '#libs/testing/tidy/tree.ts';

const faults = findFaults(readTree(resolve(import.meta.dirname, '..')), tables);
for (const fault of faults) console.log(faultText(fault));
process.exitCode = faults.length > 0 ? 1 : 0;
