// What a file may say, whatever its language: width, banned words, names.
import { basename } from 'node:path';
import type { Fault } from '#libs/testing/tidy/fault.ts';
import { isTest, isWithin } from '#libs/testing/tidy/kind-of-file.ts';
import type { Tables } from '#libs/testing/tidy/tables.ts';
import type { Tree } from '#libs/testing/tidy/tree.ts';

const columnsMax = 120;
/** A word that is longer has no place to be broken: a key, a hash. */
const wordMax = 80;
const mainLinesMax = 60;

const banned = [
  /@ts-(ignore|expect-error|nocheck)/,
  /(eslint|oxlint)-disable/,
  /\b(TO[D]O|FIX[M]E|X[X]X|HA[C]K)\b/,
  /\bt\.(skip|todo|only)\(/,
];
const impure = /\b(Date\.now|new Date\(\)|Math\.random|process\.|setTimeout|console\.)/;

/** Code and prose stay within 120 columns; in Markdown, tables and what programs print may be wider. */
export function findWideLines(tree: Tree): readonly Fault[] {
  return tree.paths
    .filter((path) => /\.(ts|mjs|md|yaml|sh)$|Dockerfile$/.test(path) && !/(^|\/)testdata\//.test(path))
    .flatMap((file) => {
      let isFenced = false;
      return tree.linesOf(file).flatMap((text, index) => {
        if (file.endsWith('.md') && text.startsWith('```')) isFenced = !isFenced;
        const columns = Array.from(text).length;
        const isFree = isFenced || (file.endsWith('.md') && text.startsWith('|'));
        if (columns <= columnsMax || isFree || text.split(/\s/).some((word) => word.length > wordMax)) return [];
        const rule = 'columns';
        return [{ file, line: index + 1, rule, text: `${columns} columns, more than ${columnsMax}` }];
      });
    });
}

export function findBannedWords(tree: Tree): readonly Fault[] {
  return eachLine(tree, (text) => {
    const pattern = banned.find((one) => one.test(text));
    return pattern === undefined ? undefined : { rule: 'ban', text: `${pattern.exec(text)?.[0]} is banned` };
  });
}

/** Pure libraries touch no I/O, clock, chance or process. */
export function findImpurity(tree: Tree, { pure, pureModules }: Tables): readonly Fault[] {
  const isPure = (path: string): boolean => !isTest(path) && pure.some((folder) => isWithin(path, folder));
  const imports = [...tree.sources.values()].flatMap(({ path, imports: all }) =>
    all
      .filter(({ target, specifier }) => isPure(path) && target === undefined && !pureModules.includes(specifier))
      .map(({ line, specifier }) => ({
        file: path,
        line,
        rule: 'pure',
        text: `a pure library imports '${specifier}'`,
      })),
  );
  const reads = eachLine(tree, (text, path) => {
    const found = isPure(path) ? impure.exec(text)?.[0] : undefined;
    return found === undefined ? undefined : { rule: 'pure', text: `a pure library has ${found}` };
  });
  return [...imports, ...reads];
}

/** File names are nouns in kebab-case, and no folder or file is a drawer. */
export function findBadNames(tree: Tree): readonly Fault[] {
  return [...tree.sources.keys()].flatMap((file) => {
    const name = basename(file).replace(/(\.[a-z0-9]+)*\.(ts|mjs)$/, '');
    const isKebab = /^\d*-?[a-z0-9]+(-[a-z0-9]+)*$/.test(name);
    const isDrawer = /(^|\/)(utils?|helpers?|common|shared|misc)(\/|\.ts$)/.test(file);
    return [
      ...(isKebab ? [] : [{ file, line: 1, rule: 'name', text: `${name} is not in kebab-case` }]),
      ...(isDrawer ? [{ file, line: 1, rule: 'drawer', text: 'name the noun' }] : []),
    ];
  });
}

/** The main file of a service only wires. */
export function findLongMains(tree: Tree): readonly Fault[] {
  return [...tree.sources.keys()]
    .filter((path) => /^services\/.*\/?main\.ts$/.test(path) && tree.linesOf(path).length - 1 > mainLinesMax)
    .map((file) => ({ file, line: mainLinesMax + 1, rule: 'main', text: `main only wires, in ${mainLinesMax} lines` }));
}

function eachLine(
  tree: Tree,
  faultIn: (text: string, path: string) => { rule: string; text: string } | undefined,
): readonly Fault[] {
  return [...tree.sources.keys()].flatMap((file) =>
    tree.linesOf(file).flatMap((text, index) => {
      const found = faultIn(text, file);
      return found === undefined ? [] : [{ file, line: index + 1, ...found }];
    }),
  );
}
