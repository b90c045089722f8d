// Holds the one table of output formats, and prints in them.
import { Option } from 'commander';
import type { Look } from '../views/table.ts';

/** What each kind of output can be printed as; the first is the default. */
export const outputFormats = {
  /** What a command answers. */
  answer: ['table', 'json'],
  /** Kubernetes objects. */
  manifests: ['yaml', 'json'],
  /** What a command that goes on tells; auto = a live table in a terminal, else plain lines. */
  session: ['auto', 'plain', 'json'],
} as const;

export type AnswerFormat = (typeof outputFormats)['answer'][number];
export type ManifestFormat = (typeof outputFormats)['manifests'][number];

/** Makes the option that chooses a format. */
export function outputOption(kind: 'answer' | 'manifests', description?: string): Option {
  const formats = outputFormats[kind];
  return new Option('-o, --output <format>', description).choices(formats).default(formats[0]);
}

/** A terminal that says that it is narrower than this does not know its size. */
const widthMin = 20;

/** Says when a person looks, and how wide the terminal is; one without a size has no limit. */
export function currentLook(): Look {
  const { isTTY, columns } = process.stdout;
  return { now: new Date(), width: isTTY && columns >= widthMin ? columns : undefined };
}

/** Prints an answer: the value as JSON, or its text. */
export function printAnswer(format: AnswerFormat, value: unknown, text: () => string): void {
  process.stdout.write(`${format === 'json' ? JSON.stringify(value, null, 2) : text()}\n`);
}
