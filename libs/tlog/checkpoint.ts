// Writes and reads what a log signs (C2SP tlog-checkpoint): its origin, how many leaves it has, and their root.

export interface Checkpoint {
  /** Names the log. */
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

/** Writes the text of a note. */
export function formatCheckpoint({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${Buffer.from(root).toString('base64')}\n`;
}

/** Reads the text of a note, or says what is wrong with it. Lines after the third are let pass, as the format asks. */
export function parseCheckpoint(text: string): Checkpoint | string {
  const [origin = '', size = '', root = '', ...more] = text.split('\n');
  const bytes = Buffer.from(root, 'base64');
  if (origin === '') return 'its first line, the origin, is empty';
  if (!/^(0|[1-9]\d{0,15})$/.test(size) || !Number.isSafeInteger(Number(size))) return 'its second line is no size';
  if (bytes.length !== 32 || bytes.toString('base64') !== root) return 'its third line is no root';
  if (more.pop() !== '' || more.includes('')) return 'it has an empty line, or its last line does not end';
  return { origin, size: Number(size), root: bytes };
}
