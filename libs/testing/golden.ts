// Compares with golden files, which hold what a test got last time and a person has looked at. UPDATE_GOLDEN=1 writes
// them anew.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The assertions of tap that a golden file needs. */
interface Assertions {
  equal(actual: unknown, expected: unknown, message: string): unknown;
  fail(message: string): unknown;
}

/** Compares a text with the file; `file` is a URL such as new URL('testdata/a.out.json', import.meta.url). */
export function golden(test: Assertions, file: URL, actual: string): void {
  const path = fileURLToPath(file);
  const name = path.split('/').slice(-2).join('/');
  if (process.env['UPDATE_GOLDEN'] === '1') {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, actual);
  }
  const expected = readText(path);
  if (expected === undefined) test.fail(`${name} is missing; UPDATE_GOLDEN=1 writes it`);
  else test.equal(actual, expected, name);
}

/** Gives the same for a JSON value; how the file lays it out does not matter, because the formatter has its own way. */
export function goldenJson(test: Assertions, file: URL, value: unknown): void {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  const held = readText(fileURLToPath(file));
  golden(test, file, held !== undefined && isSameJson(held, text) ? held : text);
}

function isSameJson(a: string, b: string): boolean {
  try {
    return JSON.stringify(JSON.parse(a)) === JSON.stringify(JSON.parse(b));
  } catch {
    return false;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
