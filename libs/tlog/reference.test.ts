// Compares paths, bundles, notes, checkpoints and proofs with those of the reference implementations in Go
// (golang.org/x/mod/sumdb and filippo.io/torchwood), which testdata/reference/main.go wrote down.
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts';
import { encodeEntryBundle, parseEntryBundle } from './entry-bundle.ts';
import { emptyFrontier, extendFrontier, rootOf } from './frontier.ts';
import {
  type NoteKey,
  type NoteSigner,
  formatSignerKey,
  formatVerifierKey,
  generateNoteSigner,
  parseSignerKey,
  parseVerifierKey,
} from './note-key.ts';
import { formatProofFile, parseProofFile } from './proof-file.ts';
import {
  consistencyRanges,
  hashRanges,
  inclusionRanges,
  tilesOfRanges,
  verifyConsistency,
  verifyInclusion,
} from './proof.ts';
import { type SignedNote, formatNote, parseNote, signNote, verifyNote } from './signed-note.ts';
import { tilePath, widthOfTile } from './tiles.ts';
import { hashLeaf } from './tree-hash.ts';

interface Reference {
  readonly origin: string;
  readonly largest: number;
  readonly bundled: number;
  readonly tiles: readonly { readonly path: string; readonly sha256: string }[];
  readonly inclusions: readonly { readonly size: number; readonly index: number; readonly proof: Hashes }[];
  readonly consistencies: readonly { readonly size: number; readonly older: number; readonly proof: Hashes }[];
  readonly bundle: string;
  readonly skey: string;
  readonly vkey: string;
  readonly otherSkey: string;
  readonly otherVkey: string;
  readonly witnessSeed: string;
  readonly witnessVkey: string;
  readonly checkpoint: string;
  readonly signed: string;
  readonly overlapped: string;
  readonly cosigned: string;
  readonly proof: string;
}

/** Base64; null = empty. */
type Hashes = readonly string[] | null;

const reference: Reference = JSON.parse(readFileSync(new URL('testdata/reference.json', import.meta.url), 'utf8'));
const leaves = Array.from({ length: reference.largest }, (_, index) => hashLeaf(`leaf ${index}`));
const grown = extendFrontier(emptyFrontier, leaves);
const rootAt = (size: number): Uint8Array => rootOf(extendFrontier(emptyFrontier, leaves.slice(0, size)).frontier);

void t.test('a tree has the tiles of the reference, under their paths', async (t) => {
  const names = [0, 1, 2].flatMap((level) => {
    const count = Math.ceil(Math.floor(reference.largest / 256 ** level) / 256);
    return Array.from({ length: count }, (_, index) => ({
      level,
      index,
      width: widthOfTile(level, index, reference.largest),
    }));
  });
  t.strictSame(
    names.map(tilePath),
    reference.tiles.map(({ path }) => path),
  );
  t.equal(widthOfTile(0, 258, reference.largest), 0);
  t.equal(tilePath({ level: 'entries', index: 1_234_067, width: 256 }), 'tile/entries/x001/x234/067');
  t.equal(tilePath({ level: 0, index: 1000, width: 3 }), 'tile/0/x001/000.p/3');
});

void t.test('a bundle is that of the reference', async (t) => {
  const entries = Array.from({ length: 44 }, (_, at) => Buffer.from(`leaf ${256 + at}`));
  t.equal(encodeEntryBundle(entries).toString('base64'), reference.bundle);
  t.strictSame(parseEntryBundle(Buffer.from(reference.bundle, 'base64')), entries);
  t.equal(parseEntryBundle(Buffer.of(0, 2, 1)), 'the bundle ends within its entry 0');
  t.throws(() => encodeEntryBundle([Buffer.alloc(65_536)]), /longer than a bundle takes/);
});

void t.test('proofs are those of the reference, and hold', async (t) => {
  for (const { size, index, proof } of reference.inclusions) {
    const ranges = inclusionRanges(index, size);
    const made = proveRanges(ranges, size);
    t.strictSame(texts(made), proof ?? [], `leaf ${index} of ${size}`);
    const leaf = { hash: hashLeaf(`leaf ${index}`), index };
    const tree = { size, root: rootAt(size) };
    t.ok(verifyInclusion(leaf, tree, made));
    t.notOk(verifyInclusion({ ...leaf, index: index + 1 }, tree, made));
    t.notOk(verifyInclusion({ ...leaf, hash: hashLeaf('') }, tree, made));
    t.notOk(verifyInclusion(leaf, tree, [...made, hashLeaf('')]));
    if (made.length > 0) t.notOk(verifyInclusion(leaf, tree, made.with(made.length - 1, hashLeaf(''))));
  }
  for (const { size, older, proof } of reference.consistencies) {
    const made = proveRanges(consistencyRanges(older, size), size);
    t.strictSame(texts(made), proof ?? [], `${older} to ${size}`);
    const [before, after] = [
      { size: older, root: rootAt(older) },
      { size, root: rootAt(size) },
    ];
    t.ok(verifyConsistency(before, after, made));
    t.notOk(verifyConsistency({ ...before, root: hashLeaf('') }, after, made));
    t.notOk(verifyConsistency(before, { ...after, root: hashLeaf('') }, made));
    t.notOk(verifyConsistency(before, after, [...made, hashLeaf('')]));
    for (const at of made.keys()) t.notOk(verifyConsistency(before, after, made.with(at, hashLeaf(''))));
  }
  const nothing = { size: 0, root: rootAt(0) };
  t.ok(verifyConsistency(nothing, { size: 7, root: rootAt(7) }, []));
  t.notOk(verifyConsistency({ size: 7, root: rootAt(7) }, nothing, []));
});

void t.test('keys are those of the reference', async (t) => {
  const signer = signerOf(reference.skey);
  t.equal(formatSignerKey(signer), reference.skey);
  t.equal(formatVerifierKey(signer), reference.vkey);
  t.equal(formatVerifierKey(keyOf(reference.witnessVkey)), reference.witnessVkey);
  const made = generateNoteSigner('a.example/log');
  if (typeof made === 'string') throw new Error(made);
  t.equal(formatSignerKey(signerOf(formatSignerKey(made))), formatSignerKey(made));
  t.type(generateNoteSigner('a b'), 'string');
  t.match(parseVerifierKey(reference.vkey.replace('c69d05ea', 'c69d05eb')), /the id is not/);
  t.match(parseVerifierKey('x+1234'), /eight hexadecimal/);
  t.match(parseVerifierKey('x+12345678+AAAA'), /algorithm is not known/);
  t.match(parseVerifierKey('x+12345678+AQAA'), /32 bytes/);
  t.match(parseSignerKey(reference.vkey), /PRIVATE\+KEY/);
});

void t.test('notes are those of the reference, also with two keys and a witness', async (t) => {
  const root = rootAt(reference.bundled);
  const text = formatCheckpoint({ origin: reference.origin, size: reference.bundled, root });
  t.equal(text, reference.checkpoint);
  t.strictSame(parseCheckpoint(text), { origin: reference.origin, size: reference.bundled, root });
  const [signer, other] = [signerOf(reference.skey), signerOf(reference.otherSkey)];
  t.equal(formatNote(text, [signNote(text, signer)]), reference.signed);
  t.equal(formatNote(text, [signNote(text, signer), signNote(text, other)]), reference.overlapped);
  const [key, next, witness] = [keyOf(reference.vkey), keyOf(reference.otherVkey), keyOf(reference.witnessVkey)];
  t.strictSame(verifyNote(noteOf(reference.overlapped), [next]), [{ key: next }]);
  t.strictSame(verifyNote(noteOf(reference.signed), [next]), []);
  const cosigned = verifyNote(noteOf(reference.cosigned), [key, witness]);
  if (typeof cosigned === 'string') throw new Error(cosigned);
  t.strictSame(cosigned[0], { key });
  const time = cosigned[1]?.time ?? 0;
  t.ok(time > 1_700_000_000);
  const seed = Buffer.from(reference.witnessSeed, 'base64');
  const head = Buffer.from('302e020100300506032b657004220420', 'hex');
  const privateKey = createPrivateKey({ key: Buffer.concat([head, seed]), format: 'der', type: 'pkcs8' });
  const cosignature = signNote(text, { ...witness, privateKey }, time);
  t.equal(formatNote(text, [signNote(text, signer), cosignature]), reference.cosigned);
});

void t.test('what is forged or broken is named', async (t) => {
  const key = keyOf(reference.vkey);
  const forged = reference.signed.replace('\n300\n', '\n301\n');
  t.equal(verifyNote(noteOf(forged), [key]), `the signature by ${reference.origin} is wrong`);
  t.match(parseNote('a\nb\n'), /no empty line/);
  t.match(parseNote('a\n\nb\n'), /is no signature/);
  t.match(parseNote('a\n\n— x AAAAAAA'), /does not end/);
  t.match(parseNote('a\r\n\n— x AAAAAAA=\n'), /control characters/);
  for (const [text, problem] of [
    ['o\n1\n', /no root/],
    ['o\n01\nx\n', /no size/],
    ['\n1\nx\n', /origin/],
    [`${reference.checkpoint}\n`, /empty line/],
    [reference.checkpoint.trimEnd(), /does not end/],
  ] as const)
    t.match(parseCheckpoint(text), problem);
  t.type(parseCheckpoint(`${reference.checkpoint}extension\n`), 'object');
});

void t.test('a proof file is that of the reference', async (t) => {
  const proof = parseProofFile(reference.proof);
  if (typeof proof === 'string') throw new Error(proof);
  t.equal(formatProofFile(proof), reference.proof);
  t.equal(Buffer.from(proof.entry ?? []).toString(), 'leaf 7');
  t.equal(proof.checkpoint, reference.signed);
  const { entry: _, ...bare } = proof;
  t.strictSame(parseProofFile(formatProofFile(bare)), bare);
  t.match(parseProofFile('x'), /first line/);
  t.match(parseProofFile(reference.proof.replace('index 7', 'index 07')), /index/);
  t.match(parseProofFile(reference.proof.replace('extra bG', 'extra b!')), /base64/);
});

function proveRanges(ranges: Parameters<typeof hashRanges>[0], size: number): readonly Uint8Array[] {
  const tiles = new Map(
    tilesOfRanges(ranges, size).map(({ level, index, width }) => {
      const full = grown.tiles.find((tile) => tile.level === level && tile.index === index)?.hashes;
      const hashes = full ?? Buffer.concat(grown.frontier.edges[level] ?? []);
      return [`${level}/${index}`, hashes.subarray(0, width * 32)];
    }),
  );
  return hashRanges(ranges, (level, index) => tiles.get(`${level}/${index}`) ?? Buffer.alloc(0));
}

function texts(hashes: readonly Uint8Array[]): readonly string[] {
  return hashes.map((hash) => Buffer.from(hash).toString('base64'));
}

function signerOf(text: string): NoteSigner {
  const signer = parseSignerKey(text);
  if (typeof signer === 'string') throw new Error(signer);
  return signer;
}

function keyOf(text: string): NoteKey {
  const key = parseVerifierKey(text);
  if (typeof key === 'string') throw new Error(key);
  return key;
}

function noteOf(text: string): SignedNote {
  const note = parseNote(text);
  if (typeof note === 'string') throw new Error(note);
  return note;
}
