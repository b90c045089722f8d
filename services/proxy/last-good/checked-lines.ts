// Writes and reads lines of JSON with a checksum each: `<crc32 hex> <json>\n`. Reading finds what is torn or altered.
import { crc32 } from 'node:zlib';

/** Gives the line of a value, with its end. */
export function encodeLine(value: unknown): string {
  const json = JSON.stringify(value);
  return `${checksum(json)} ${json}\n`;
}

interface DecodedLines {
  readonly values: readonly unknown[];
  /** Where the first bad line begins, or the length of the text. */
  readonly goodBytes: number;
  /** What is wrong: 'torn' = the last line has no end, as when the power goes; undefined = nothing. */
  readonly problem: 'torn' | 'altered' | undefined;
}

/** Reads lines up to the first that is bad. */
export function decodeLines(bytes: Buffer): DecodedLines {
  const values: unknown[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) return { values, goodBytes: at, problem: 'torn' };
    const value = decodeLine(bytes.toString('utf8', at, end));
    if (value === undefined) return { values, goodBytes: at, problem: isLastLine(bytes, end) ? 'torn' : 'altered' };
    values.push(value);
    at = end + 1;
  }
  return { values, goodBytes: at, problem: undefined };
}

function decodeLine(line: string): unknown {
  if (line[8] !== ' ' || checksum(line.slice(9)) !== line.slice(0, 8)) return undefined;
  try {
    return JSON.parse(line.slice(9));
  } catch {
    return undefined;
  }
}

/** Tells a torn end: some file systems read a block that was not written yet as zeros, ends of lines included. */
function isLastLine(bytes: Buffer, end: number): boolean {
  return bytes.indexOf(0x0a, end + 1) < 0;
}

function checksum(json: string): string {
  return crc32(json).toString(16).padStart(8, '0');
}
