// Compares what a document shows with what a command printed. `…` stands for anything: in a line for any text, alone on
// a line for any lines. All that differs from run to run is named here; everything else must be the same.

/** Names what differs from run to run, and what it becomes on both sides. */
const volatile: readonly (readonly [RegExp, string])[] = [
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/gu, 'TIME'],
  [/\b\d+(\.\d+)? m?s\b/gu, 'DURATION'],
  [/\b\d+ events\/s/gu, 'RATE'],
  [/(?<=\s)(now|\d+[smhd])(?=\s|$)/gu, 'AGE'],
  [/\b[0-9a-f]{12}\b/gu, 'DIGEST'],
  // Who owns the manifests.
  [/\bfolder\/\S+/gu, 'folder/USER'],
  // Columns are as wide as their widest cell, an age for example.
  [/ {2,}/gu, ' '],
];

/** The history has events of the fleet itself between those of objects: how many depends on the time. */
const eventNumber = /^\d+(?= TIME)/;

/** Gives the lines without what differs from run to run, and without empty lines at the end. */
export function steadyLines(lines: readonly string[]): readonly string[] {
  const isOfEvents = lines.some((line) => /^\s*SEQ\b/.test(line));
  const steady = lines.map((line) => {
    const text = volatile.reduce((rest, [pattern, name]) => rest.replaceAll(pattern, name), line).trim();
    return isOfEvents ? text.replace(eventNumber, 'SEQ') : text;
  });
  return steady.slice(0, steady.findLastIndex((line) => line !== '') + 1);
}

/** Says whether the printed lines are what is shown. */
export function isAsShown(shown: readonly string[], printed: readonly string[]): boolean {
  const lines = steadyLines(shown).map((line) => (line === '…' ? '(?:.*\n)*' : `${patternOf(line)}\n`));
  const text = steadyLines(printed).map((line) => `${line}\n`);
  return new RegExp(`^${lines.join('')}$`, 'u').test(text.join(''));
}

function patternOf(line: string): string {
  return line
    .split('…')
    .map((part) => RegExp.escape(part))
    .join('.*');
}
