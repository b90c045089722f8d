// Writes and reads bundles of entries as C2SP tlog-tiles has them: each entry after its length, two bytes, big-endian.

const entryBytesMax = 0xff_ff;

/** Puts the bytes of entries into one bundle. Throws where an entry is longer than the format can say. */
export function encodeEntryBundle(entries: readonly Uint8Array[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    if (entry.length > entryBytesMax)
      throw new Error(`an entry of ${entry.length} bytes is longer than a bundle takes`);
    const length = Buffer.alloc(2);
    length.writeUInt16BE(entry.length);
    parts.push(length, entry);
  }
  return Buffer.concat(parts);
}

/** Gives the entries of a bundle, or what is wrong with it. */
export function parseEntryBundle(bytes: Uint8Array): readonly Buffer[] | string {
  const bundle = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries: Buffer[] = [];
  for (let at = 0; at < bundle.length;) {
    const end = at + 2 <= bundle.length ? at + 2 + bundle.readUInt16BE(at) : Number.POSITIVE_INFINITY;
    if (end > bundle.length) return `the bundle ends within its entry ${entries.length}`;
    entries.push(bundle.subarray(at + 2, end));
    at = end;
  }
  return entries;
}
