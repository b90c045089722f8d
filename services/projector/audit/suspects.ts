// Says of events that are not what they were what became of them: they were changed, removed, inserted, or exchanged.
import { hashLeaf } from '#libs/tlog/tree-hash.ts';
import { isRecord } from '#libs/gateway/fields/record.ts';
import type { Fault } from './verification-result.ts';

/** Is an event whose row does not give the leaf that it should. */
export interface Suspect {
  readonly seq: number;
  /** What follows from the row; undefined = there is no row. */
  readonly leaf: string | undefined;
  /** The hash that the leaf should have. */
  readonly expected: Uint8Array;
  /** The leaf as it was published; absent = only its hash is known. */
  readonly expectedText?: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** Rows that are compared with each other. */
const comparedMax = 64;
const shownMax = 80;

/** Explains each, in their order. */
export function explainSuspects(suspects: readonly Suspect[]): readonly Fault[] {
  const compared = suspects.slice(0, comparedMax);
  return suspects.map((suspect) => ({ seq: suspect.seq, text: explain(suspect, compared) }));
}

function explain(suspect: Suspect, all: readonly Suspect[]): string {
  const { seq } = suspect;
  if (suspect.leaf === undefined) return `event ${seq} is missing: it was removed`;
  const origin = all.find((other) => other !== suspect && isRowOf(suspect, other));
  if (origin !== undefined) {
    if (isRowOf(origin, suspect)) return `event ${seq} was exchanged with event ${origin.seq}`;
    const last = origin.seq > seq ? `: event ${seq} was removed, or others put in its place` : '';
    return `event ${seq} holds what was event ${origin.seq}${last}`;
  }
  const now = all.find((other) => other !== suspect && isRowOf(other, suspect));
  if (now !== undefined) return `event ${seq} was inserted: what was event ${seq} is event ${now.seq} now`;
  return `event ${seq} was changed: ${differences(suspect)}`;
}

/** Tells whether the row of `holder` holds what was the event `was`, under another number. */
function isRowOf(holder: Suspect, was: Suspect): boolean {
  const row = parseLeaf(holder.leaf);
  if (row === undefined) return false;
  const expected = parseLeaf(was.expectedText);
  if (expected !== undefined) return sameBut(row, expected);
  // Only the hash is known: it is that of the row with its number, and the batch that it had then or has now.
  const shift = was.seq - holder.seq;
  const batches = [row['batch'], Number(row['batch']) + shift, parseLeaf(was.leaf)?.['batch']];
  const id = String(row['id']).replace(new RegExp(`#${was.seq}$`), '');
  return batches.some((batch) => {
    const hash = hashLeaf(JSON.stringify({ ...row, batch, id, seq: was.seq }));
    return Buffer.compare(hash, was.expected) === 0 || Buffer.compare(hash, holder.expected) === 0;
  });
}

/** Compares leaves without what another number changes. */
function sameBut(a: Fields, b: Fields): boolean {
  const idOf = ({ id }: Fields, { seq }: Fields): string => String(id).replace(new RegExp(`#${String(seq)}$`), '');
  const bare = (fields: Fields, id: string): string => JSON.stringify({ ...fields, id, seq: 0, batch: 0 });
  return bare(a, idOf(a, b)) === bare(b, idOf(b, b));
}

function differences({ leaf, expectedText }: Suspect): string {
  const [now, was] = [parseLeaf(leaf), parseLeaf(expectedText)];
  if (now === undefined || was === undefined) return 'its row does not give the leaf that was appended';
  const fields = Object.keys(was).filter((key) => now[key] !== was[key]);
  return fields.map((key) => `${key} was ${show(was[key])} and is ${show(now[key])}`).join(', ');
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > shownMax ? `${text.slice(0, shownMax)}…` : text;
}

function parseLeaf(text: string | undefined): Fields | undefined {
  if (text === undefined) return undefined;
  try {
    const json: unknown = JSON.parse(text);
    return isRecord(json) ? json : undefined;
  } catch {
    return undefined;
  }
}
