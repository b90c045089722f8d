// Writes and reads the proof of one entry as a file that needs nothing else (C2SP tlog-proof): the entry itself as
// extra data, its index, the hashes, and a signed checkpoint.

interface ProofFile {
  readonly index: number;
  readonly hashes: readonly Uint8Array[];
  /** The signed note, verbatim. */
  readonly checkpoint: string;
  /** The bytes of the entry; absent = whoever checks the proof has them. */
  readonly entry?: Uint8Array;
}

const header = 'c2sp.org/tlog-proof@v1';
/** No tree has more levels. */
const hashesMax = 63;

/** Writes a proof. */
export function formatProofFile({ index, hashes, checkpoint, entry }: ProofFile): string {
  const lines = [
    header,
    ...(entry === undefined ? [] : [`extra ${Buffer.from(entry).toString('base64')}`]),
    `index ${index}`,
    ...hashes.map((hash) => Buffer.from(hash).toString('base64')),
  ];
  return `${lines.join('\n')}\n\n${checkpoint}`;
}

/** Reads a proof, or says what is wrong with it. */
export function parseProofFile(text: string): ProofFile | string {
  const cut = text.indexOf('\n\n');
  const [first, ...lines] = text.slice(0, Math.max(cut, 0)).split('\n');
  if (first !== header) return `its first line is not ${header}`;
  const extra = lines[0]?.startsWith('extra ') === true ? lines.shift()?.slice('extra '.length) : undefined;
  const entry = extra === undefined ? undefined : Buffer.from(extra, 'base64');
  if (entry?.toString('base64') !== extra) return 'its extra data is not base64';
  const [, index] = /^index (0|[1-9]\d{0,15})$/.exec(lines.shift() ?? '') ?? [];
  if (index === undefined || !Number.isSafeInteger(Number(index))) return 'it has no line with an index';
  if (lines.length > hashesMax) return `it has more than ${hashesMax} hashes`;
  const hashes = lines.map((line) => Buffer.from(line, 'base64'));
  if (hashes.some((hash, at) => hash.length !== 32 || hash.toString('base64') !== lines[at]))
    return 'a line that should be a hash is none';
  const checkpoint = text.slice(cut + 2);
  return { index: Number(index), hashes, checkpoint, ...(entry === undefined ? {} : { entry }) };
}
