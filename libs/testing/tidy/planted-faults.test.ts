// Plants one fault for each rule in a small tree and sees the message, with file, line and rule.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { faultText } from './fault.ts';
import { tables } from './tables.ts';
import type { Tables } from './tables.ts';
import { findFaults } from './tidy.ts';
import { toTree } from './tree.ts';

type Files = Readonly<Record<string, string>>;

/** Tables without rows, so that a tree of two files needs none. */
const noRows: Tables = {
  ...tables,
  imports: {},
  testImports: {},
  onlyImporter: {},
  oneKind: {},
  rooms: {},
  guides: [],
};

interface Case {
  readonly files: Files;
  readonly tables?: Partial<Tables>;
  readonly says: readonly string[];
}

/** Programs reach what they import, so that only the planted fault is one. */
const program = (path: string, text: string): Files => ({ [path]: `// Run: node ${path}\n${text}` });
const twentyOne = Array.from({ length: 21 }, (_, at) => program(`tools/many/n${at}.ts`, ''));
const ring = (path: string, other: string): Files => program(path, `import '${other}';\n`);
/** In two parts, because this file obeys the rule, too. */
const bannedWord = ['TO', 'DO'].join('');
const bannedComment = ['@ts-', 'ignore'].join('');
const wide = 'word '.repeat(26).trim();

const cases: Readonly<Record<string, Case>> = {
  arrow: {
    files: { ...program('libs/gateway/a.ts', "import '#libs/xds/b.ts';\n"), 'libs/xds/b.ts': '' },
    tables: { imports: { 'libs/gateway': [], 'libs/xds': [] } },
    says: ['libs/gateway/a.ts:2: arrow: libs/gateway may not import libs/xds/b.ts'],
  },
  'unused row of imports': {
    files: program('libs/xds/a.ts', ''),
    tables: { imports: { 'libs/xds': ['libs/snapshot'] } },
    says: ['libs/testing/tidy/tables.ts:1: unused row: libs/xds imports nothing of libs/snapshot'],
  },
  'unused row of imports of tests': {
    files: program('libs/xds/a.ts', ''),
    tables: { testImports: { 'libs/xds': ['libs/projection'] } },
    says: ['libs/testing/tidy/tables.ts:1: unused row: tests of libs/xds import nothing of libs/projection'],
  },
  'import style in one folder': {
    files: { ...program('libs/xds/a.ts', "import '#libs/xds/b.ts';\n"), 'libs/xds/b.ts': '' },
    says: ["libs/xds/a.ts:2: import style: '#libs/xds/b.ts' is './b.ts'"],
  },
  'import style of libraries': {
    files: { ...program('tools/a.ts', "\nimport type {} from '../libs/xds/b.ts';\n"), 'libs/xds/b.ts': '' },
    says: ["tools/a.ts:3: import style: '../libs/xds/b.ts' is '#libs/xds/b.ts'"],
  },
  're-export with from': {
    files: { ...program('tools/a.ts', "export { b } from './b.ts';\n"), 'tools/b.ts': 'export const b = 1;\n' },
    says: ["tools/a.ts:2: re-export: './b.ts' is handed on"],
  },
  're-export by list': {
    files: {
      ...program('tools/a.ts', "import { b } from './b.ts';\nexport { b };\n"),
      'tools/b.ts': 'export const b = 1;\n',
    },
    says: ['tools/a.ts:3: re-export: `b` is imported and handed on'],
  },
  'test support': {
    files: {
      ...program('services/proxy/a.ts', "import './testing/b.ts';\nimport '../../tools/c.ts';\n"),
      'services/proxy/testing/b.ts': '',
      'tools/c.ts': '',
    },
    says: [
      'services/proxy/a.ts:2: test support: production imports services/proxy/testing/b.ts',
      'services/proxy/a.ts:3: test support: production imports tools/c.ts',
    ],
  },
  'one importer': {
    files: program('tools/a.ts', "import 'nats';\n"),
    tables: { onlyImporter: { nats: 'libs/runtime/nats/nats.ts' } },
    says: ["tools/a.ts:2: one importer: only libs/runtime/nats/nats.ts imports 'nats'"],
  },
  'room circle': {
    files: {
      ...ring('tools/lab/pods/a.ts', '../net/b.ts'),
      ...program('tools/lab/net/b.ts', "import type { C } from '../pods/c.ts';\nexport let c: C;\n"),
      'tools/lab/pods/c.ts': "import '../net/b.ts';\nexport type C = 1;\n",
    },
    says: ['tools/lab/net/b.ts:2: room circle: in tools/lab these import each other: net, pods'],
  },
  rooms: {
    files: { ...ring('tools/lab/pods/a.ts', '../net/b.ts'), ...program('tools/lab/net/b.ts', '') },
    tables: { rooms: { 'tools/lab': { roomsMax: 1, arrowsMax: 0 } } },
    says: [
      'tools/lab/pods/a.ts:2: rooms: tools/lab has 2 rooms, more than 1',
      'tools/lab/pods/a.ts:2: rooms: tools/lab has 1 arrows between its rooms, more than 0',
    ],
  },
  'dead export': {
    files: { ...ring('tools/a.ts', './b.ts'), 'tools/b.ts': '\nexport interface B {}\n' },
    says: ['tools/b.ts:2: dead export: no other file imports `B`'],
  },
  'export for tests only': {
    files: {
      ...ring('tools/a.ts', '../libs/xds/b.ts'.replace('../', '#')),
      'libs/xds/b.ts': 'export const b = 1;\n',
      'libs/xds/b.test.ts': "import { b } from './b.ts';\nb;\n",
    },
    says: ['libs/xds/b.ts:1: dead export: only tests use `b`'],
  },
  'dead file': {
    files: { 'libs/xds/a.ts': '', 'libs/xds/b.ts': '', 'libs/xds/b.test.ts': "import './b.ts';\n" },
    says: [
      'libs/xds/a.ts:1: dead file: nothing reaches this file',
      'libs/xds/b.ts:1: dead file: only tests reach this file',
    ],
  },
  columns: {
    files: { ...program('tools/a.ts', `// ${wide}\n`), 'README.md': `${wide}\n| ${wide} |\n\`\`\`\n${wide}\n\`\`\`\n` },
    says: ['README.md:1: columns: 129 columns, more than 120', 'tools/a.ts:2: columns: 132 columns, more than 120'],
  },
  ban: {
    files: program('tools/a.ts', `// ${bannedWord}\n// ${bannedComment}\n`),
    says: [`tools/a.ts:2: ban: ${bannedWord} is banned`, `tools/a.ts:3: ban: ${bannedComment} is banned`],
  },
  pure: {
    files: program('libs/xyz/a.ts', "import 'node:fs';\nDate.now();\n"),
    tables: { pure: ['libs/xyz'] },
    says: [
      "libs/xyz/a.ts:2: pure: a pure library imports 'node:fs'",
      'libs/xyz/a.ts:3: pure: a pure library has Date.now',
    ],
  },
  name: {
    files: program('tools/aB.ts', ''),
    says: ['tools/aB.ts:1: name: aB is not in kebab-case'],
  },
  drawer: {
    files: program('tools/utils/a.ts', ''),
    says: ['tools/utils/a.ts:1: drawer: name the noun'],
  },
  main: {
    files: { 'services/proxy/main.ts': '\n'.repeat(61) },
    says: ['services/proxy/main.ts:61: main: main only wires, in 60 lines'],
  },
  'full folder': {
    files: Object.assign({}, ...twentyOne),
    says: ['tools/many:1: full folder: 21 files that no row calls of one kind, more than 20'],
  },
  'unused row of one kind': {
    files: program('tools/few/a.ts', ''),
    tables: { oneKind: { 'tools/few': 'a thing' } },
    says: ['libs/testing/tidy/tables.ts:1: unused row: tools/few has 1 files and needs no row'],
  },
  guide: {
    files: {
      ...program('tools/a.ts', ''),
      'GUIDE.md': 'See `tools/a.ts`, `tools/<name>.ts` and\n[this](tools/b.ts); `npm run gone`.\n',
    },
    tables: { guides: ['GUIDE.md'] },
    says: ['GUIDE.md:2: guide: tools/b.ts does not exist', 'GUIDE.md:2: guide: package.json has no script gone'],
  },
};

for (const [name, planted] of Object.entries(cases)) {
  void t.test(name, async (t) => {
    const root = t.testdir();
    for (const [path, text] of Object.entries(planted.files)) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const tree = toTree(root, Object.keys(planted.files).toSorted());
    t.strictSame(findFaults(tree, { ...noRows, ...planted.tables }).map(faultText), planted.says);
  });
}
