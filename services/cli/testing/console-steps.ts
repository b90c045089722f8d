// Reads the console blocks of a document: each `$ command`, with what is shown below it.
//
//   ```console
//   $ command \            a command may go on where its line ends with a backslash
//       --flag
//   what it prints
//   ```

export interface ConsoleStep {
  /** Of the command, from 1. */
  readonly line: number;
  readonly command: string;
  /** The lines below the command, up to the next one. */
  readonly shown: readonly string[];
}

/**
 * Reads the commands of all console blocks, in order. Throws where a block begins with something else than a command.
 */
export function parseConsoleSteps(document: string): readonly ConsoleStep[] {
  const steps: { line: number; command: string; shown: string[] }[] = [];
  let inBlock = false;
  let isFirst = false;
  for (const [index, text] of document.split('\n').entries()) {
    const last = steps.at(-1);
    if (!inBlock) {
      inBlock = isFirst = text === '```console';
    } else if (text === '```') {
      inBlock = false;
    } else if (!isFirst && last !== undefined && last.shown.length === 0 && last.command.endsWith('\\')) {
      last.command += `\n${text}`;
    } else if (text.startsWith('$ ')) {
      steps.push({ line: index + 1, command: text.slice(2), shown: [] });
      isFirst = false;
    } else if (isFirst || last === undefined) {
      throw new Error(`line ${index + 1}: a console block begins with "${text}" and not with a command`);
    } else {
      last.shown.push(text);
    }
  }
  return steps;
}
