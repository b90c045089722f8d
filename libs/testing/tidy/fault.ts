// A fault is one breach of a rule of the layout, with its place: `libs/x/y.ts:12: circle: …`.

export interface Fault {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** The rule's name. */
  readonly rule: string;
  readonly text: string;
}

/** Writes a fault as compilers do, so that an editor can jump to it. */
export function faultText({ file, line, rule, text }: Fault): string {
  return `${file}:${line}: ${rule}: ${text}`;
}
